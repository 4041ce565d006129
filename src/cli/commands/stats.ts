/** `fathom stats`. */

import type { ContainerSummary } from "../../spec/docker.ts";
import type { ContainerStats } from "../../spec/docker_stats.ts";
import { type Context, defineCommand } from "../command.ts";
import { DaemonError } from "../errors.ts";
import { formatRows } from "../format/rows.ts";
import { STATS_HEADINGS, statsRow } from "../format/stats.ts";
import { jsonLines } from "../json_lines.ts";
import { flushOutput, print } from "../output.ts";

const COLUMNS = "ID Name CPUPerc MemUsage MemPerc NetIO BlockIO PIDs";
/** Milliseconds between two tables. */
const REFRESH = 500;

export const command = defineCommand({
  usage: "stats [OPTIONS] [CONTAINER...]",
  aliases: ["container stats", "stats"],
  operands: { min: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Show all containers, not just those that run" },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    "no-stream": { type: "bool", help: "Print once what is used now, and end" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
  },
  async run({ client }, { flags, operands }) {
    const show = printer(flags);
    const names = () => (operands.length > 0 ? operands : listed(client, flags.all));
    if (flags["no-stream"]) {
      const asked = await names();
      const readings = await Promise.all(
        asked.map(async (name) => ({ name, stats: await once(client, name) })),
      );
      print(show(readings.flatMap(({ name, stats }) => (stats === undefined ? [] : [{ name, stats }]))));
      return 0;
    }
    return follow(client, { names, ends: operands.length > 0 }, show);
  },
});

type Client = Context["client"];

interface Named {
  name: string;
  stats: ContainerStats;
}

function printer(flags: { format: string | undefined; "no-trunc": boolean }): (rows: Named[]) => string {
  const columns = `table ${COLUMNS.replace(/\w+/g, "{{.$&}}").replaceAll(" ", "\t")}`;
  const format = !flags.format || flags.format === "table" ? columns : flags.format;
  return (readings) => {
    const rows = readings.map(({ name, stats }) =>
      statsRow(stats, { asked: name, whole: flags["no-trunc"] }),
    );
    return formatRows({ rows, headings: STATS_HEADINGS, type: "*container.statsContext" }, format);
  };
}

async function listed(client: Client, all: boolean): Promise<string[]> {
  const containers = await client.json<ContainerSummary[]>("GET", "/containers/json", { query: { all } });
  return containers.map(({ Id }) => Id);
}

function pathOf(name: string): string {
  return `/containers/${encodeURIComponent(name)}/stats`;
}

/** One reading; undefined where the container has gone while it was taken. */
async function once(client: Client, name: string): Promise<ContainerStats | undefined> {
  const reply = await client.send("GET", pathOf(name), { query: { stream: "0" } });
  for await (const reading of jsonLines<ContainerStats>(reply.body)) return reading;
  return undefined;
}

/** Draws the table anew until we are interrupted, or until all that was named is gone. */
async function follow(
  client: Client,
  { names, ends }: { names: () => Promise<string[]> | string[]; ends: boolean },
  show: (rows: Named[]) => string,
): Promise<number> {
  const latest = new Map<string, ContainerStats | undefined>();
  const failures: unknown[] = [];
  const watch = async (name: string): Promise<void> => {
    latest.set(name, undefined);
    try {
      const reply = await client.send("GET", pathOf(name), { query: { stream: "1" } });
      for await (const reading of jsonLines<ContainerStats>(reply.body)) latest.set(name, reading);
    } catch (error) {
      // What was found in a list may have gone since.
      if (ends || !(error instanceof DaemonError)) failures.push(error);
    } finally {
      latest.delete(name);
    }
  };
  const begin = async () => {
    for (const name of await names()) if (!latest.has(name)) void watch(name);
  };
  await begin();
  while (!ends || latest.size > 0) {
    await Bun.sleep(REFRESH);
    if (failures.length > 0) throw failures[0];
    print(
      drawn(show([...latest].flatMap(([name, stats]) => (stats === undefined ? [] : [{ name, stats }])))),
    );
    await flushOutput();
    if (!ends) await begin();
  }
  return 0;
}

/** Over what stands there: home, each line erased behind its end, then all below; ECMA-48. */
function drawn(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J`;
}
