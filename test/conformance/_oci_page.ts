/** docs/oci-runtime.md: a table of outcomes, held against what was seen; with WRITE=1 in the environment it is written anew. */

import { expect } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OciRuntime, RuntimeName } from "./_oci_runtimes.ts";

/** Whether each runtime passes. */
export type Outcomes = Partial<Record<RuntimeName, boolean>>;

const PAGE = join(import.meta.dir, "../../docs/oci-runtime.md");
const BEGIN = (title: string): string => `## ${title}\n\n`;
const END = "\n<!-- end of outcomes -->";
const NAMES: readonly RuntimeName[] = ["fathom", "runc", "crun"];

/** Only columns of runtimes in the versions that the page names are compared. */
export async function comparePage(
  title: string,
  seen: ReadonlyMap<string, Outcomes | string>,
  runtimes: readonly OciRuntime[],
): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const [before = "", rest = ""] = page.split(BEGIN(title));
  const table = rest.slice(0, rest.indexOf(END));
  const behind = rest.slice(table.length);
  if (process.env.WRITE === "1") {
    await writeFile(PAGE, [before, BEGIN(title), tableOf(seen, runtimes), behind].join(""));
    return;
  }
  const rows = new Map(table.split("\n").map((line) => [line.split(" | ")[0]?.slice(2) ?? "", line]));
  const columns = (rows.get("validation program") ?? "").slice(2, -2).split(" | ");
  for (const [name, outcome] of seen) {
    if (typeof outcome === "string") continue;
    const cells = (rows.get(name) ?? "").slice(2, -2).split(" | ");
    for (const runtime of runtimes) {
      const column = columns.indexOf(titleOf(runtime));
      if (column > 0 && !cells[1]?.startsWith("not tried"))
        expect([name, runtime.name, cells[column]]).toEqual([
          name,
          runtime.name,
          wordFor(outcome[runtime.name]),
        ]);
    }
  }
}

function tableOf(seen: ReadonlyMap<string, Outcomes | string>, runtimes: readonly OciRuntime[]): string {
  const titles = NAMES.map((name) => runtimes.find((one) => one.name === name)).map((one) =>
    one ? titleOf(one) : "-",
  );
  const rows = [...seen].map(([name, outcome]) =>
    typeof outcome === "string"
      ? `| ${name} | not tried: ${outcome} | | |`
      : `| ${name} | ${NAMES.map((runtime) => wordFor(outcome[runtime])).join(" | ")} |`,
  );
  return [`| validation program | ${titles.join(" | ")} |`, "|---|---|---|---|", ...rows, ""].join("\n");
}

const titleOf = ({ name, version }: OciRuntime): string => (name === "fathom" ? name : `${name} ${version}`);
const wordFor = (passes: boolean | undefined): string =>
  passes === undefined ? "" : passes ? "passes" : "**fails**";
