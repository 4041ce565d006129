/** `fathom login` and `fathom logout`. */

import type { AuthConfig } from "../../spec/docker_registry.ts";
import { type Context, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { print, printError } from "../output.ts";
import { configPath } from "../registry_auth/config_file.ts";
import { credentialsOf, forgetCredentials, keepCredentials } from "../registry_auth/credentials.ts";
import { serverNamed } from "../registry_auth/server.ts";

export const command = defineCommand({
  usage: "login [OPTIONS] [SERVER]",
  operands: { min: 0, max: 1 },
  flags: {
    password: { type: "string", short: "p", help: "Password; others on this host can see it" },
    "password-stdin": { type: "bool", help: "Read the password from standard input" },
    username: { type: "string", short: "u", help: "User" },
  },
  async run(context, { flags, given, operands: [operand = ""] }) {
    const server = serverNamed(operand);
    const told = await toldCredentials(flags, given);
    const entry = told ?? (await asked(context, server, flags.username));
    const auth = { ...entry, serveraddress: server };
    const { Status, IdentityToken } = await context.client.json<{ Status: string; IdentityToken?: string }>(
      "POST",
      "/auth",
      { json: auth },
    );
    // From now on the token stands for the password.
    const kept: AuthConfig = IdentityToken ? { ...entry, password: "", identitytoken: IdentityToken } : entry;
    if (await keepCredentials(context.configDir, server, kept)) warnOfPlainText(context.configDir);
    print(`${Status}\n`);
    return 0;
  },
});

function warnOfPlainText(configDir: string): void {
  printError(
    `\nWARNING! Your credentials are stored unencrypted in '${configPath(configDir)}'.\n` +
      "Configure a credential helper to remove this warning. See\n" +
      "https://docs.docker.com/go/credential-store/\n\n",
  );
}

interface Told {
  password: string | undefined;
  "password-stdin": boolean;
  username: string | undefined;
}

/** What the command line and standard input say; undefined where somebody has to be asked. */
async function toldCredentials(flags: Told, given: ReadonlySet<string>): Promise<AuthConfig | undefined> {
  const { username = "", password } = flags;
  if (given.has("password")) {
    printError("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (flags["password-stdin"])
      throw new CommandError("conflicting options: cannot specify both --password and --password-stdin");
  }
  if (flags["password-stdin"]) {
    if (username === "") throw new CommandError("the --password-stdin option requires --username to be set");
    const { readSecret } = await import("../prompt.ts");
    return { username, password: await readSecret() };
  }
  return username !== "" && password !== undefined ? { username, password } : undefined;
}

/** Whoever has logged in before is not asked again, unless it is about another user. */
async function asked(
  { configDir }: Context,
  server: string,
  username: string | undefined,
): Promise<AuthConfig> {
  const known = await credentialsOf(configDir, server);
  if ((username === undefined || username === known.username) && (known.password || known.identitytoken)) {
    printError("Authenticating with existing credentials...\n");
    const { serveraddress: _server, ...entry } = known;
    return entry;
  }
  const { ask, askSecretly } = await import("../prompt.ts");
  const { isatty } = await import("node:tty");
  if (!isatty(0)) throw new CommandError("Error: Cannot perform an interactive login from a non TTY device");
  const user =
    username || (await ask(`Username${known.username ? ` (${known.username})` : ""}: `)) || known.username;
  if (!user) throw new CommandError("Error: Non-null Username Required");
  const password = await askSecretly("Password: ");
  if (password === "") throw new CommandError("Error: Password Required");
  return { username: user, password };
}

export const logout = defineCommand({
  usage: "logout [SERVER]",
  operands: { min: 0, max: 1 },
  flags: {},
  async run({ configDir }, { operands: [operand = ""] }) {
    const server = serverNamed(operand);
    const had = await forgetCredentials(configDir, server);
    print(had ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`);
    return 0;
  },
});
