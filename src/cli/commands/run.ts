/** `fathom run`: create, attach, start, copy, and end with the program's exit code. */

import { type Context, defineCommand } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { print } from "../output.ts";
import { type CreateCall, createRequest, streamsOf } from "../run/config.ts";
import { createContainer } from "../run/create.ts";
import { RUN_FLAGS } from "../run/flags.ts";
import { runInForeground } from "../run/foreground.ts";
import { startErrorCode } from "../run/start_error.ts";

export const command = defineCommand({
  usage: "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
  aliases: ["container run", "run"],
  operands: { min: 1 },
  toFirstOperand: true,
  runs: true,
  flags: RUN_FLAGS,
  async run(context, call) {
    const { flags } = call;
    if (flags.detach && flags.attach.length > 0) {
      throw new CommandError("conflicting options: cannot specify both --attach and --detach");
    }
    const none = { stdin: false, stdout: false, stderr: false };
    const streams = flags.detach ? none : streamsOf(flags);
    const id = await create(context, call, streams);
    const start = () => startContainer(context, id);
    if (flags.detach) {
      await start();
      print(`${id}\n`);
      return 0;
    }
    const story = flags.explain ? await tell(context, id) : undefined;
    const code = await runInForeground(context, id, {
      streams,
      tty: flags.tty,
      signalProxy: flags["sig-proxy"],
      detachKeys: flags["detach-keys"],
      condition: flags.rm ? "removed" : "next-exit",
      start,
    });
    await story?.told;
    return code;
  },
});

type Streams = ReturnType<typeof streamsOf>;

async function create(context: Context, call: CreateCall, streams: Streams): Promise<string> {
  const { flags } = call;
  const request = await createRequest(call, streams);
  if (flags.tty) await fitTerminal(request, streams);
  const { name, platform, pull, quiet, cidfile } = flags;
  return await createContainer(context, request, { name, platform, pull, quiet, cidfile });
}

/** A terminal's program starts in a window as large as ours; typing at it needs a terminal to type at. */
async function fitTerminal(
  request: Awaited<ReturnType<typeof createRequest>>,
  streams: Streams,
): Promise<void> {
  const { openTerminal, requireTerminal } = await import("../terminal.ts");
  if (streams.stdin) requireTerminal();
  const size = openTerminal().size();
  if (size && request.HostConfig) request.HostConfig.ConsoleSize = [size.height, size.width];
}

async function startContainer({ client }: Context, id: string): Promise<void> {
  try {
    await client.call("POST", `/containers/${id}/start`);
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw new CommandError(error.message, startErrorCode(error.reason), { cause: error });
  }
}

async function tell(context: Context, id: string) {
  const { followReceipt } = await import("../receipt.ts");
  return await followReceipt(context, id);
}
