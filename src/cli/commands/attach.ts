/** `fathom attach`. */

import type { ContainerInspect } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { runInForeground } from "../run/foreground.ts";

export const command = defineCommand({
  usage: "attach [OPTIONS] CONTAINER",
  aliases: ["container attach", "attach"],
  operands: { min: 1, max: 1 },
  flags: {
    "detach-keys": { type: "string", help: "Keys that detach the terminal from it" },
    "no-stdin": { type: "bool", help: "Do not attach to its input" },
    "sig-proxy": { type: "bool", initially: true, help: "Hand signals that we receive on to it" },
  },
  async run(context, { flags, operands: [name = ""] }) {
    const path = `/containers/${encodeURIComponent(name)}/json`;
    const { Id, Config, State } = await context.client.json<ContainerInspect>("GET", path);
    if (!State.Running) throw new CommandError("cannot attach to a stopped container, start it first");
    if (State.Paused) throw new CommandError("cannot attach to a paused container, unpause it first");
    if (State.Restarting)
      throw new CommandError("cannot attach to a restarting container, wait until it is running");
    const tty = Config.Tty ?? false;
    const stdin = !flags["no-stdin"] && (Config.OpenStdin ?? false);
    if (tty && stdin) (await import("../terminal.ts")).requireTerminal();
    return await runInForeground(context, Id, {
      streams: { stdin, stdout: true, stderr: true },
      tty,
      signalProxy: flags["sig-proxy"],
      detachKeys: flags["detach-keys"],
      condition: "not-running",
      leavingIsError: true,
    });
  },
});
