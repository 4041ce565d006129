/** `fathom doctor`, which Docker does not have: what is damaged or left over, and mending it. */

import type { Examination } from "../../spec/doctor.ts";
import { selfCommand, selfEnvironment } from "../../std/self.ts";
import { type Context, defineCommand } from "../command.ts";
import { CommandError, ConnectionError, UsageError } from "../errors.ts";
import { isClean, tellFindings } from "../findings.ts";
import { createClient } from "../http/client.ts";
import { print, printError } from "../output.ts";

export const command = defineCommand({
  usage: "doctor [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    fix: { type: "bool", help: "Mend what can be mended without losing anything" },
    format: { type: "string", help: "'json', or text" },
    "data-root": { type: "string", help: "Root directory to look at where no daemon answers" },
    "exec-root": { type: "string", help: "Directory of execution state to look at where no daemon answers" },
    pidfile: { type: "string", help: "PID file to look at where no daemon answers" },
  },
  async run(context, { flags }) {
    const { format, fix } = flags;
    if (format && format !== "json")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is json or none`);
    const roots = (["data-root", "exec-root", "pidfile"] as const).flatMap((name) =>
      flags[name] ? [`--${name}`, flags[name]] : [],
    );
    const examination = await examined(context, { fix, roots });
    print(
      format === "json"
        ? `${JSON.stringify(examination, null, 2)}\n`
        : tellFindings(examination, "fathom doctor"),
    );
    return isClean(examination) ? 0 : 1;
  },
});

interface How {
  fix: boolean;
  roots: string[];
}

/** By the daemon; where none answers by a process of its own, and none is started, as that would change what is looked at. */
async function examined({ client }: Context, { fix, roots }: How): Promise<Examination> {
  const asking = createClient(client.choice, async () => false);
  try {
    return await (fix
      ? asking.json<Examination>("POST", "/system/doctor/fix")
      : asking.json<Examination>("GET", "/system/doctor"));
  } catch (error) {
    if (!(error instanceof ConnectionError) || error.code === "EACCES") throw error;
    printError(`${error.message} Looking at its files instead.\n`);
  } finally {
    asking.close();
  }
  const looking = Bun.spawn(selfCommand(["daemon", "doctor", ...(fix ? ["fix"] : []), ...roots]), {
    env: selfEnvironment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Response(looking.stdout).text();
  if ((await looking.exited) !== 0) throw new CommandError("the engine's files could not be looked at");
  return JSON.parse(text);
}
