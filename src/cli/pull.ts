/** Asks the daemon to pull or push images and shows how it goes. */

import type { Context } from "./command.ts";
import { printError, writeTo } from "./output.ts";
import { type NameAndTag, splitTag } from "./reference.ts";

/** Columns of a terminal that does not say how many it has. */
const WIDEST = 200;

/** Pulls for a command that needs the image; progress goes to standard error. Throws CommandError with the daemon's words. */
export async function pullImage(
  context: Context,
  image: string,
  options: { platform: string | undefined; quiet: boolean },
): Promise<void> {
  const [{ showProgress }, { isatty }] = await Promise.all([import("./progress.ts"), import("node:tty")]);
  const body = await requestPull(context, splitReference(image), options.platform);
  const width = isatty(2) ? process.stderr.columns || WIDEST : undefined;
  await showProgress(body, { write: options.quiet ? () => undefined : printError, width }, 125);
}

/** The daemon's messages; an empty tag asks for every one there is. */
export async function requestPull(
  { client, configDir }: Context,
  { name, tag }: NameAndTag,
  platform: string | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const { authHeaders } = await import("./registry_auth/credentials.ts");
  const reply = await client.send("POST", "/images/create", {
    query: { fromImage: name, tag, platform },
    headers: await authHeaders(configDir, name),
  });
  return reply.body;
}

/** Where a command that is all about the transfer shows it: on standard output. */
export async function standardScreen(
  quiet: boolean,
): Promise<{ write: (text: string) => void; width: number | undefined }> {
  const { isatty } = await import("node:tty");
  const width = isatty(1) ? process.stdout.columns || WIDEST : undefined;
  const shown = (text: string) => void writeTo("stdout", Buffer.from(text));
  return { write: quiet ? () => undefined : shown, width };
}

/** What to pull: `latest` where nothing is said. A digest takes the tag's place. */
export function splitReference(image: string): NameAndTag {
  const [, digestName, digest] = /^(.*)@(.*)$/.exec(image) ?? [];
  if (digestName !== undefined && digest !== undefined)
    return { name: splitTag(digestName).name, tag: digest };
  const { name, tag } = splitTag(image);
  return { name, tag: tag || "latest" };
}
