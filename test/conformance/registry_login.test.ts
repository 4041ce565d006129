/** Logging in and out, credential helpers, and registries that want to know who asks. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Engine,
  makeCertificates,
  REFRESH_TOKEN,
  type Registry,
  startEngine,
  startRegistry,
  startTokenServer,
  type TokenServer,
  USER,
} from "../harness/mod.ts";
import { CLIENTS, commandLine, ON_DOCKER } from "./client.ts";

let engine: Engine;
/** It asks for a user and password, by TLS; loopback's certificates are not verified. */
let basic: Registry;
let bearer: Registry;
let tokens: TokenServer;
/** Of certificates for tokens, and of programs. */
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp("/tmp/fathom-test-login-");
  await makeCertificates(directory);
  tokens = await startTokenServer(directory);
  const token = { realm: tokens.realm, certificate: join(directory, "server.crt") };
  [engine, basic, bearer] = await Promise.all([
    startEngine(),
    startRegistry({ tls: true, users: { [USER.username]: USER.password } }),
    startRegistry({ token }),
  ]);
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await basic?.[Symbol.asyncDispose]();
  await bearer?.[Symbol.asyncDispose]();
  await tokens?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, inTerminal } = commandLine(client, () => engine);
  let env: Record<string, string>;
  let config: string;
  beforeAll(async () => {
    const home = join(directory, client);
    await mkdir(home);
    config = join(home, "config.json");
    env = { DOCKER_CONFIG: home, HOME: home };
  });
  const login = (host: string, args: string[], input?: string) =>
    command(["login", ...args, host], { env, ...(input !== undefined && { input }) });
  const read = async () => JSON.parse(await readFile(config, "utf8"));

  test("a password by standard input logs in, is kept for its owner alone, and is forgotten", async () => {
    const { username, password } = USER;
    const { status, stdout } = await login(basic.host, ["-u", username, "--password-stdin"], `${password}\n`);
    expect([status, stdout]).toEqual([0, expect.stringContaining("Login Succeeded\n")]);
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    expect((await read()).auths).toEqual({ [basic.host]: { auth } });
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    const name = `${basic.host}/${client}/private:1`;
    await output(["tag", "busybox", name]);
    expect(await output(["push", name], { env })).toContain("1: digest: sha256:");
    expect(await output(["pull", name], { env })).toContain("Image is up to date");
    expect(await output(["logout", basic.host], { env })).toBe(
      `Removing login credentials for ${basic.host}`,
    );
    const denied = await command(["pull", name], { env });
    expect(denied.stderr).toMatch(
      /no basic auth credentials|pull access denied|unauthorized|authentication required|connection reset/,
    );
    expect(denied.status).toBe(1);
  });

  test("in a terminal it asks for the password, and does not show what is typed", async () => {
    const { username, password } = USER;
    await using terminal = inTerminal(["--config", dirname(config), "login", "-u", username, basic.host]);
    await terminal.see(/Password: ?$/);
    terminal.type(`${password}\r`);
    await terminal.see(/Login Succeeded/);
    expect(await terminal.exited).toBe(0);
    expect(terminal.output).not.toContain(password);
    expect(Object.keys((await read()).auths)).toEqual([basic.host]);
    await output(["logout", basic.host], { env });
  });

  test("a wrong password is refused, and nothing is kept", async () => {
    const told = ["--username", USER.username];
    const { status, stderr } = await command(["login", "--password", "wrong", ...told, basic.host], { env });
    expect(status).toBe(1);
    expect(stderr).toContain("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    expect(stderr).toMatch(/unauthorized|401 Unauthorized/);
    expect((await read()).auths ?? {}).toEqual({});
  });

  test.each([
    [["--password-stdin"], "the --password-stdin option requires --username to be set"],
    [
      ["-u", "u", "-p", "p", "--password-stdin"],
      "conflicting options: cannot specify both --password and --password-stdin",
    ],
    [["-u", "u"], "Cannot perform an interactive login from a non TTY device"],
  ])("login %j says what is missing", async (args, words) => {
    const { status, stderr } = await login(basic.host, args, "");
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
  });

  test("a token server is asked by password once, then by the token it gave for that", async () => {
    tokens.seen.length = 0;
    const { username, password } = USER;
    expect((await login(bearer.host, ["-u", username, "--password-stdin"], password)).status).toBe(0);
    const entry = (await read()).auths[bearer.host];
    expect(entry.identitytoken).toBe(REFRESH_TOKEN);
    const name = `${bearer.host}/${client}/token:1`;
    await output(["tag", "busybox", name]);
    await output(["push", "-q", name], { env });
    expect(tokens.seen[0]).toMatchObject({ method: "GET", who: `${username}:${password}` });
    expect(tokens.seen.at(-1)).toMatchObject({ method: "POST", who: REFRESH_TOKEN });
    const scopes = tokens.seen.at(-1)?.scopes.join(" ");
    expect(scopes).toMatch(new RegExp(`(?:^| )repository:${client}/token:(?:pull,push|push,pull)(?: |$)`));
    await output(["logout", bearer.host], { env });
  });

  test("a credential helper keeps the password, and config.json does not", async () => {
    const bin = join(directory, `bin-${client}`);
    await mkdir(bin);
    const store = join(bin, "kept");
    const helper = `#!/bin/sh
      case $1 in
        store) cat >"${store}";;
        get) cat >/dev/null; [ -e "${store}" ] && cat "${store}" || { echo "credentials not found in native keychain"; exit 1; };;
        erase) cat >/dev/null; rm -f "${store}";;
      esac`;
    await writeFile(join(bin, "docker-credential-test"), helper);
    await chmod(join(bin, "docker-credential-test"), 0o755);
    await writeFile(
      config,
      JSON.stringify({ credHelpers: { [basic.host]: "test" }, HttpHeaders: { A: "b" } }),
    );
    const own = { ...env, PATH: `${bin}:${process.env.PATH}` };
    const { username, password } = USER;
    const options = { env: own, input: password };
    const { stderr } = await command(["login", "-u", username, "--password-stdin", basic.host], options);
    expect(stderr).not.toContain("unencrypted");
    expect(JSON.parse(await readFile(store, "utf8"))).toMatchObject({ Username: username, Secret: password });
    expect(await read()).toMatchObject({ auths: { [basic.host]: {} }, HttpHeaders: { A: "b" } });
    const name = `${basic.host}/${client}/helped:1`;
    await output(["tag", "busybox", name]);
    expect(await output(["push", name], { env: own })).toContain("1: digest: sha256:");
    expect((await command(["logout", basic.host], { env: own })).status).toBe(0);
    expect(await Bun.file(store).exists()).toBe(false);
  });
});

test("POST /auth says whether a password is right", async () => {
  const right = await engine.request("POST", "/auth", { ...USER, serveraddress: basic.host });
  expect(right.json).toMatchObject({ Status: "Login Succeeded" });
  const wrong = await engine.request("POST", "/auth", { ...USER, password: "x", serveraddress: basic.host });
  expect(wrong.status).toBe(401);
});

test.skipIf(ON_DOCKER)("a .dockercfg from before config.json is read", async () => {
  const home = join(directory, "old");
  await mkdir(home);
  const auth = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");
  await writeFile(
    join(home, ".dockercfg"),
    JSON.stringify({ [`https://${basic.host}/v1/`]: { auth, email: "a@b" } }),
  );
  const env = { HOME: home, DOCKER_CONFIG: join(home, ".docker") };
  const name = `${basic.host}/old/busybox:1`;
  await engine.output("fathom", ["tag", "busybox", name]);
  expect(await engine.output("fathom", ["push", name], { env })).toContain("1: digest: sha256:");
});
