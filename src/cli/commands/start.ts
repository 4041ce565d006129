/** `fathom start`. */

import type { ContainerInspect } from "../../spec/docker.ts";
import { type Context, defineCommand } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { print, printError } from "../output.ts";
import { runInForeground } from "../run/foreground.ts";

export const command = defineCommand({
  usage: "start [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container start", "start"],
  operands: { min: 1 },
  flags: {
    attach: { type: "bool", short: "a", help: "Attach to its output, and hand signals on to it" },
    "detach-keys": { type: "string", help: "Keys that detach the terminal from it" },
    interactive: { type: "bool", short: "i", help: "Attach to its input" },
  },
  async run(context, { flags, operands }) {
    if (!flags.attach && !flags.interactive) return await startAll(context, operands);
    const [name = "", another] = operands;
    if (another !== undefined)
      throw new CommandError("you cannot start and attach multiple containers at once");
    return await startAttached(context, name, { input: flags.interactive, detachKeys: flags["detach-keys"] });
  },
});

async function startAll({ client }: Context, names: readonly string[]): Promise<number> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await client.call("POST", `/containers/${encodeURIComponent(name)}/start`);
      print(`${name}\n`);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      printError(`${error.message}\n`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CommandError(`Error: failed to start containers: ${failed.join(", ")}`);
  return 0;
}

async function startAttached(
  context: Context,
  name: string,
  options: { input: boolean; detachKeys: string | undefined },
): Promise<number> {
  const { client } = context;
  const { Id, Config, HostConfig } = await client.json<ContainerInspect>(
    "GET",
    `/containers/${encodeURIComponent(name)}/json`,
  );
  const tty = Config.Tty ?? false;
  const stdin = options.input && (Config.OpenStdin ?? false);
  if (tty && stdin) (await import("../terminal.ts")).requireTerminal();
  return await runInForeground(context, Id, {
    streams: { stdin, stdout: true, stderr: true },
    tty,
    signalProxy: true,
    detachKeys: options.detachKeys,
    condition: HostConfig.AutoRemove ? "removed" : "next-exit",
    start: async () => {
      await client.call("POST", `/containers/${Id}/start`);
    },
  });
}
