/** What credentials are found by: the name of a registry in Docker's client configuration. */

/** Docker Hub's, which is a URL for historical reasons. */
export const HUB_SERVER = "https://index.docker.io/v1/";

/** The server of an image's registry. */
export function serverOfImage(image: string): string {
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  return isHost ? serverNamed(first) : HUB_SERVER;
}

/** The server that an operand of `login` names; none means Docker Hub. */
export function serverNamed(text: string): string {
  const host = hostOf(text);
  return host === "" || host === "docker.io" || host === "index.docker.io" ? HUB_SERVER : host;
}

/** Without scheme and path, so that `https://localhost:5000/v2/` of an older client is found as well. */
export function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
