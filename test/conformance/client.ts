/**
 * The command lines of the conformance tests. Each test runs with the docker command and with our own, against the same engine;
 * with TEST_ENGINE=docker only the docker command against Docker, which shows that the test is right.
 */

import { ENGINE_UNDER_TEST, type Engine, type Terminal } from "../harness/mod.ts";

export const ON_DOCKER = ENGINE_UNDER_TEST === "docker";
export const CLIENTS = ON_DOCKER ? (["docker"] as const) : (["docker", "fathom"] as const);
/** The private dockerd has no bridge. */
export const NONE = ["--network", "none"];

type Options = Parameters<Engine["command"]>[2];

/** What a test types. */
export interface CommandLine {
  command(args: string[], options?: Options): ReturnType<Engine["command"]>;
  output(args: string[], options?: Options): Promise<string>;
  /** `run --rm`. */
  runs(args: string[], options?: Options): ReturnType<Engine["command"]>;
  /** `run -d`; gives the ID. */
  started(args: string[]): Promise<string>;
  removed(id: string): Promise<void>;
  inTerminal(args: string[], size?: { columns: number; rows: number }): Terminal;
}

/** @param engine asked for at each use: tests are declared before it is started */
export function commandLine(client: (typeof CLIENTS)[number], engine: () => Engine): CommandLine {
  return {
    command: (args, options) => engine().command(client, args, options),
    output: (args, options) => engine().output(client, args, options),
    runs: (args, options) => engine().command(client, ["run", "--rm", ...NONE, ...args], options),
    started: (args) => engine().output(client, ["run", "-d", ...NONE, ...args]),
    removed: async (id) => void (await engine().output(client, ["rm", "-f", id])),
    inTerminal: (args, size) => engine().terminal(client, args, size),
  };
}
