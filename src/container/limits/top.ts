/** `docker top`: the processes of a container, as ps(1) on the host would show them. */

import type { ContainerTop } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { RunProgram } from "../needs.ts";
import { notRunning } from "../state.ts";
import { readProcesses } from "./_proc.ts";
import { auxTable, fullTable } from "./_ps_tables.ts";

/**
 * The two usual forms are read from /proc; for any other the host's ps is asked and its rows chosen by their PID, as in Docker.
 * @throws {FathomError} conflict when nothing runs; invalid when ps does not take the arguments or shows no PID.
 */
export async function topOf(
  runProgram: RunProgram,
  container: Container,
  psArgs: string,
): Promise<ContainerTop> {
  if (container.live === undefined) throw notRunning(nameOf(container).id);
  const { Pid: pid } = container.record.state;
  switch (psArgs.trim().replace(/^-ef$/, "ef")) {
    case "":
    case "ef":
      return fullTable(await readProcesses(pid));
    case "aux":
      return auxTable(await readProcesses(pid));
    default:
      return tableOf(
        await askPs(runProgram, psArgs),
        new Set((await readProcesses(pid)).map((one) => String(one.pid))),
      );
  }
}

async function askPs(runProgram: RunProgram, args: string): Promise<string> {
  const ended = await runProgram(["ps", ...args.split(/\s+/).filter(Boolean)]);
  if (ended === undefined)
    throw new FathomError(
      "unsupported",
      "ps is not installed on this host: install procps, or give no arguments",
    );
  if (ended.exitCode !== 0) throw new FathomError("invalid", `ps: ${ended.stderr.trim().split("\n")[0]}`);
  return ended.stdout;
}

function tableOf(output: string, pids: ReadonlySet<string>): ContainerTop {
  const [header = "", ...lines] = output.trimEnd().split("\n");
  const titles = header.trim().split(/\s+/);
  const column = titles.indexOf("PID");
  if (column < 0) throw new FathomError("invalid", "Couldn't find PID field in ps output");
  const rows = lines.map((line) => splitRow(line, titles.length));
  return { Titles: titles, Processes: rows.filter((row) => pids.has(row[column] ?? "")) };
}

/** The last column takes the rest of the line. */
function splitRow(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(" ")];
}
