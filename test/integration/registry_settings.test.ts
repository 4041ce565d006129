/** Certificates, mirrors and proxies: what an administrator says of registries is done. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { openRegistries, REGISTRY_DEFAULTS, type RegistrySettings } from "../../src/registry/mod.ts";
import { answering, type Registry, startFaultProxy, startRegistry } from "../harness/mod.ts";

const INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] });
const CREDENTIALS = { username: "u", password: "p" };

let secure: Registry;
let plain: Registry;
/** Certificates by host. */
let certificates: string;
beforeAll(async () => {
  [secure, plain] = await Promise.all([startRegistry({ tls: true }), startRegistry()]);
  certificates = join(secure.directory, "certs.d");
  for (const url of [`https://127.0.0.1:${secure.port}`, `http://127.0.0.1:${plain.port}`]) {
    const reply = await fetch(`${url}/v2/a/manifests/1`, {
      method: "PUT",
      headers: { "Content-Type": INDEX },
      body: MANIFEST,
      tls: { rejectUnauthorized: false },
    });
    expect(reply.status).toBe(201);
  }
});
afterAll(async () => {
  await secure?.[Symbol.asyncDispose]();
  await plain?.[Symbol.asyncDispose]();
});

function manifestAt(domain: string, more: Partial<RegistrySettings>): Promise<string> {
  const registries = openRegistries({ ...REGISTRY_DEFAULTS, attempts: 2, backoffMs: 1, ...more });
  const access = { domain, path: "a", credentials: CREDENTIALS, signal: AbortSignal.timeout(20_000) };
  return registries.pulling(access, async (repository) => (await repository.manifest("1")).bytes.toString());
}
/** Loopback's registries are insecure unless somebody says otherwise. */
const verified = (host: string) => ({ registries: { [host]: { insecure: false } } });

async function trust(host: string, names: string[]): Promise<void> {
  await mkdir(join(certificates, host), { recursive: true });
  for (const name of names) await copyFile(join(secure.directory, name), join(certificates, host, name));
}

test("a certificate of an authority that nobody named is refused in words; with its ca.crt it is taken", async () => {
  const settings = { ...verified(secure.host), certificateDirectories: [certificates] };
  expect(manifestAt(secure.host, settings)).rejects.toThrow(
    `tls: failed to verify the certificate of ${secure.host}: its certificate is signed by an authority that is not known here`,
  );
  await trust(secure.host, ["ca.crt"]);
  expect(await manifestAt(secure.host, settings)).toBe(MANIFEST);
});

test("plain HTTP is refused where the registry is to be secure, with what to do", async () => {
  expect(manifestAt(plain.host, verified(plain.host))).rejects.toThrow(
    `must be named in insecure-registries as ${plain.host}`,
  );
  expect(await manifestAt(plain.host, {})).toBe(MANIFEST);
});

test("a server that asks for a client's certificate is shown the one for its host", async () => {
  const read = (name: string) => readFile(join(secure.directory, name));
  const [cert, key, ca] = await Promise.all([read("server.crt"), read("server.key"), read("ca.crt")]);
  const options = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (_, reply) => void reply.end(MANIFEST));
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  const host = `localhost:${typeof address === "object" ? address?.port : ""}`;
  const settings = { ...verified(host), certificateDirectories: [certificates] };
  await trust(host, ["ca.crt"]);
  await manifestAt(host, settings).then(
    () => expect.unreachable(),
    () => undefined,
  );
  await trust(host, ["client.cert", "client.key"]);
  expect(await manifestAt(host, settings)).toBe(MANIFEST);
  server.closeAllConnections();
  server.close();
});

test("a mirror is asked first and shown nothing; what it does not have or cannot give comes from the registry", async () => {
  await using mirror = startFaultProxy(`127.0.0.1:${plain.port}`);
  await using origin = startFaultProxy(`127.0.0.1:${plain.port}`);
  const settings = { registries: { [origin.host]: { mirrors: [`http://${mirror.host}`] } } };
  const challenge = { "WWW-Authenticate": 'Basic realm="x"' };
  expect(await manifestAt(origin.host, settings)).toBe(MANIFEST);
  expect(origin.seen).toEqual([]);
  mirror.faults.push({ path: /manifests/, times: 1, act: answering(401, challenge) });
  expect(await manifestAt(origin.host, settings)).toBe(MANIFEST);
  expect(mirror.seen.every(({ headers }) => !headers.has("authorization"))).toBe(true);
  expect(origin.seen.some(({ path }) => path === "/v2/a/manifests/1")).toBe(true);
  mirror.faults.push({ path: /manifests/, times: 2, act: answering(500) });
  expect(await manifestAt(origin.host, settings)).toBe(MANIFEST);
});

test("a proxy is asked for what is not on this host, and the registry is told who asks only when it wants to know", async () => {
  const asked: string[] = [];
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(request.url);
      return new Response(MANIFEST, { headers: { "Content-Type": INDEX } });
    },
  });
  await using _ended = { [Symbol.asyncDispose]: () => proxy.stop(true) };
  const domain = "registry.invalid:5000";
  const settings = { mirrors: [], registries: { [domain]: { mirrors: [`http://${domain}`] } } };
  const proxies = { http: `http://127.0.0.1:${proxy.port}`, no: "other.invalid" };
  expect(await manifestAt(domain, { ...settings, proxies })).toBe(MANIFEST);
  expect(asked).toEqual([`http://${domain}/v2/a/manifests/1`]);
  expect(manifestAt(domain, { ...settings, proxies: { ...proxies, no: ".invalid" } })).rejects.toThrow(
    "lookup registry.invalid: no such host",
  );
});
