/**
 * Credential helpers: programs named docker-credential-NAME that keep passwords (docker-credential-helpers, "Development": `get`,
 * `store` and `erase` by standard input).
 */

import type { AuthConfig } from "../../spec/docker_registry.ts";
import { CommandError } from "../errors.ts";

const NOT_FOUND = "credentials not found in native keychain";
/** The user name that stands for an identity token. */
const TOKEN_USER = "<token>";

/** Nothing where the helper knows none. @throws {CommandError} with the helper's own words */
export async function askHelper(name: string, server: string): Promise<AuthConfig> {
  const { status, output } = await runHelper(name, "get", server);
  if (status !== 0) {
    if (output === NOT_FOUND) return {};
    throw failed(name, "get", output);
  }
  const { Username = "", Secret = "" } = parsed(name, output);
  if (Username === TOKEN_USER) return { identitytoken: String(Secret) };
  return { username: String(Username), password: String(Secret) };
}

export async function storeInHelper(name: string, server: string, entry: AuthConfig): Promise<void> {
  const { username = "", password = "", identitytoken } = entry;
  const content = JSON.stringify({
    ServerURL: server,
    Username: identitytoken ? TOKEN_USER : username,
    Secret: identitytoken ?? password,
  });
  const { status, output } = await runHelper(name, "store", content);
  if (status !== 0) throw failed(name, "store", output);
}

/** Gives whether it had any. */
export async function eraseFromHelper(name: string, server: string): Promise<boolean> {
  const { status, output } = await runHelper(name, "erase", server);
  if (status === 0) return true;
  if (output === NOT_FOUND) return false;
  throw failed(name, "erase", output);
}

async function runHelper(
  name: string,
  action: string,
  input: string,
): Promise<{ status: number; output: string }> {
  if (!/^[\w.-]+$/.test(name))
    throw new CommandError(`${JSON.stringify(name)} is no name of a credential helper`);
  const program = `docker-credential-${name}`;
  const path = Bun.which(program);
  if (path === null) {
    throw new CommandError(
      `error getting credentials - err: exec: "${program}": executable file not found in $PATH: install it, or take ${name} out of config.json`,
    );
  }
  const child = Bun.spawn([path, action], { stdin: new Blob([input]), stdout: "pipe", stderr: "inherit" });
  const [output, status] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return { status, output: output.trim() };
}

function failed(name: string, action: string, output: string): CommandError {
  return new CommandError(`docker-credential-${name} ${action} failed: ${output || "it said nothing"}`);
}

function parsed(name: string, output: string): { Username?: unknown; Secret?: unknown } {
  try {
    return Object(JSON.parse(output));
  } catch (cause) {
    throw new CommandError(`docker-credential-${name} did not answer with JSON`, 1, { cause });
  }
}
