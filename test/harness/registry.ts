/** Registries of a test's own: Debian's docker-registry on loopback, with TLS and passwords where a test wants them. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { run } from "./program.ts";
import { eventually } from "./wait.ts";

export interface Registry extends AsyncDisposable {
  /** `localhost:PORT`, as it stands in references. */
  host: string;
  port: number;
  /** Its directory; with TLS `ca.crt`, `client.cert` and `client.key` lie in it. */
  directory: string;
}

export interface RegistryOptions {
  tls?: boolean;
  /** Users and passwords. */
  users?: Readonly<Record<string, string>>;
  /** A token server: where it is, and the file of the certificate that its tokens are signed with. */
  token?: { realm: string; certificate: string };
}

/** @throws when the package docker-registry is not installed */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const directory = await mkdtemp("/tmp/fathom-test-registry-");
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  await writeFile(join(directory, "config.json"), JSON.stringify(await configOf(directory, port, options)));
  const child = Bun.spawn(["docker-registry", "serve", join(directory, "config.json")], {
    stdio: ["ignore", Bun.file(join(directory, "log")), Bun.file(join(directory, "errors"))],
  });
  stack.defer(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const scheme = options.tls ? "https" : "http";
  await eventually("the registry's answer", async () => {
    if (child.exitCode !== null) throw new Error(await Bun.file(join(directory, "errors")).text());
    const answer = await fetch(`${scheme}://127.0.0.1:${port}/v2/`, {
      tls: { rejectUnauthorized: false },
    }).catch(() => undefined);
    return answer !== undefined;
  });
  const running = stack.move();
  return { host: `localhost:${port}`, port, directory, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function configOf(directory: string, port: number, { tls, users, token }: RegistryOptions) {
  await mkdir(join(directory, "store"));
  if (tls) await makeCertificates(directory);
  if (users) await writeFile(join(directory, "htpasswd"), await htpasswd(users));
  return {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "store") }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(tls && { tls: { certificate: join(directory, "server.crt"), key: join(directory, "server.key") } }),
    },
    ...(users && { auth: { htpasswd: { realm: "test", path: join(directory, "htpasswd") } } }),
    ...(token && {
      auth: {
        token: { realm: token.realm, service: "test", issuer: "test", rootcertbundle: token.certificate },
      },
    }),
  };
}

async function htpasswd(users: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries(users).map(async ([user, password]) => {
    const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
    return `${user}:${hash}\n`;
  });
  return (await Promise.all(lines)).join("");
}

/** An authority, a certificate of `localhost` and 127.0.0.1 by it, and one of a client. */
export async function makeCertificates(directory: string): Promise<void> {
  const script = `
    set -e; cd "$0"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >names
    for one in server client; do
      openssl req -newkey rsa:2048 -nodes -keyout $one.key -out $one.csr -subj /CN=localhost
      openssl x509 -req -in $one.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $one.crt -days 2 -extfile names
    done
    cp client.crt client.cert`;
  const { status, stderr } = await run(["sh", "-c", script, directory]);
  if (status !== 0) throw new Error(`openssl made no certificates: ${stderr}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (typeof address !== "object" || address === null) throw new Error("there is no free port");
  return address.port;
}
