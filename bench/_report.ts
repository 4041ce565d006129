/** What was measured, as tables, and RESULTS.md made of them. */

import { cpus, release, totalmem } from "node:os";
import { run } from "../test/harness/mod.ts";
import type { Measured } from "./_measure.ts";

export interface Table {
  title: string;
  unit: "ms" | "kB" | "/s";
  /** The first is what the others are compared with. */
  rows: { name: string; value: number; more?: string }[];
}

/** A row of milliseconds. */
export function rowOf({ name, median, min, p90, runs }: Measured): Table["rows"][number] {
  return {
    name,
    value: median,
    more: `fastest ${min.toFixed(1)}, 90th percentile ${p90.toFixed(1)}, ${runs} runs`,
  };
}

const HEADING = `# Results
Written by \`bench/run.ts\`. Medians; cases interleaved in one run; ratios against the first row of each table.
`;

/** RESULTS.md with what a section measured in place of what it said before; sections that did not run stay as they are. */
export async function report(before: string, section: string, tables: readonly Table[]): Promise<string> {
  const parts = before
    .split(/^(?=## )/m)
    .slice(1)
    .map((text): [string, string] => [/^## (.*)/.exec(text)?.[1] ?? "", text.trimEnd()]);
  const sections = new Map(parts);
  const text = [`## ${section}`, await circumstances(), ...tables.flatMap(tableText)];
  sections.set(section, text.join("\n"));
  return `${[HEADING.trimEnd(), ...sections.values()].join("\n\n")}\n`;
}

/** When, where and with what was measured. */
async function circumstances(): Promise<string> {
  const versions = await Promise.all(
    [
      ["dockerd", "--version"],
      ["docker", "--version"],
      ["runc", "--version"],
      ["crun", "--version"],
    ].map(async (words) => (await run(words)).stdout.split("\n")[0]),
  );
  const cpu = cpus()[0]?.model ?? "unknown processor";
  const machine = `${cpus().length} cores of ${cpu}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  const daemon = process.env.FATHOM_BIN === undefined ? "./fathom" : "dist/fathom";
  const day = new Date().toISOString().slice(0, 10);
  return `On ${day}; Fathom's daemon is ${daemon}. Machine: ${machine}. Bun ${Bun.version}; ${versions.join("; ")}.`;
}

/** A table's lines in Markdown. */
export function tableText({ title, unit, rows }: Table): string[] {
  const first = rows[0]?.value ?? 0;
  const digits = unit === "kB" ? 0 : 2;
  return [
    "",
    `### ${title[0]?.toUpperCase()}${title.slice(1)}`,
    `| | ${unit} | ratio | |`,
    "|---|---|---|---|",
    ...rows.map(
      ({ name, value, more }) =>
        `| ${name} | ${value.toFixed(digits)} | ${(unit === "/s" ? value / first : first / value).toFixed(2)} | ${more ?? ""} |`,
    ),
  ];
}
