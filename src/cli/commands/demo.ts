/** `fathom demo`: a first container without a registry, and what was done for it. */

import { type Context, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { gather, makeImage } from "../from_host/mod.ts";
import { findProgram } from "../from_host/programs.ts";
import { textOf } from "../http/client.ts";
import { print } from "../output.ts";
import { runInForeground } from "../run/foreground.ts";

const IMAGE = "fathom-demo";
const PROGRAMS = ["sh", "echo", "ls", "cat", "ps", "id", "hostname"];
/** With the command line above it, what happened is told in 25. */
const MOST_LINES = 24;

export const command = defineCommand({
  usage: "demo",
  operands: { min: 0, max: 0 },
  flags: {},
  async run(context) {
    const programs = await present(PROGRAMS);
    print(`$ fathom image from-host -t ${IMAGE} ${programs.join(" ")}\n`);
    print(`${await makeImage(context, await gather(programs), IMAGE)}\n`);
    print(`$ fathom run ${IMAGE} echo hello world\n`);
    const { Id } = await context.client.json<{ Id: string }>("POST", "/containers/create", {
      json: { Image: IMAGE, Cmd: ["echo", "hello world"], AttachStdout: true, AttachStderr: true },
    });
    try {
      const code = await runInForeground(context, Id, {
        streams: { stdin: false, stdout: true, stderr: true },
        tty: false,
        signalProxy: true,
        detachKeys: undefined,
        condition: "next-exit",
        start: async () => void (await context.client.call("POST", `/containers/${Id}/start`)),
      });
      print(`$ fathom explain ${Id.slice(0, 12)}\n`);
      print(await story(context, Id));
      return code;
    } finally {
      await context.client.call("DELETE", `/containers/${Id}`, { query: { force: true } });
    }
  },
});

/** Those of the programs that this host has; a shell and echo it must have. */
async function present(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    try {
      await findProgram(name);
      found.push(name);
    } catch (error) {
      if (!(error instanceof CommandError) || name === "sh" || name === "echo") throw error;
    }
  }
  return found;
}

/** The receipt, cut to what fits a screen. */
async function story({ client }: Context, id: string): Promise<string> {
  const reply = await client.send("GET", `/containers/${id}/receipt`, { query: { format: "text" } });
  const lines = (await textOf(reply.body)).trimEnd().split("\n");
  if (lines.length <= MOST_LINES) return `${lines.join("\n")}\n`;
  const shown = lines.slice(0, MOST_LINES - 1);
  return `${shown.join("\n")}\n… and ${lines.length - shown.length} more lines: run one yourself and ask 'fathom explain CONTAINER'\n`;
}
