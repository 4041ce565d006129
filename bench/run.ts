/**
 * Fathom beside Docker on this machine, in one run, and what came of it in RESULTS.md.
 *
 *     npm run build
 *     FATHOM_BIN=dist/fathom node_modules/.bin/bun --no-env-file --config=/dev/null bench/run.ts [rounds [section…]]
 *
 * Both engines are private ones, with the same image; FATHOM_BIN is what runs the daemon, ./fathom unless told.
 */

import { access, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../test/harness/mod.ts";
import { type Client, commandTables } from "./_commands.ts";
import { dnsTables } from "./_dns.ts";
import { imageTables } from "./_images.ts";
import { logTables } from "./_logs.ts";
import type { Measured } from "./_measure.ts";
import { portTables } from "./_ports.ts";
import { registryTables } from "./_registry.ts";
import { report, rowOf, type Table } from "./_report.ts";
import { scaleTables } from "./_scale.ts";

const ROOT = join(import.meta.dir, "..");
const rounds = Number(process.argv[2] ?? 15);
const BUN = [process.execPath, "--no-env-file", "--config=/dev/null"];

const HUGETLB = "/sys/fs/cgroup/hugetlb";
/** A hierarchy goes back only when its groups are gone, which the kernel does some time after they were removed. */
const WITH_HUGETLB = `
  there() { mount -t cgroup -o hugetlb hugetlb ${HUGETLB}; }
  mkdir -p ${HUGETLB} && there || exit 1
  "$@"
  status=$?
  for try in $(seq 20); do
    find ${HUGETLB} -mindepth 1 -depth -type d -exec rmdir {} ';'
    umount ${HUGETLB}
    sleep 0.5
    grep -q '^hugetlb[[:space:]]*0' /proc/cgroups && exit $status
    there
  done
  echo "the hugetlb controller did not go back to the v2 hierarchy" >&2
  exit 1`;

const [first, ...others] = await commandLines();
const SECTIONS: Readonly<Record<string, () => Promise<Table[]>>> = {
  commands: () => commandTables([first, ...others], rounds),
  scale: () => scaleTables(first, rounds),
  dns: () => dnsTables(rounds),
  ports: () => portTables(rounds),
  logs: () => logTables(Math.min(rounds, 3)),
  images: () => imageTables([first, ...others], Math.min(rounds, 3)),
  registry: () => registryTables(Math.min(rounds, 5)),
  runtimes,
};
const results = join(import.meta.dir, "RESULTS.md");
const wanted = process.argv.slice(3);
for (const name of wanted.length > 0 ? wanted : Object.keys(SECTIONS)) {
  const tables = await SECTIONS[name]?.();
  if (tables === undefined)
    throw new Error(`there is no section ${name}: ${Object.keys(SECTIONS).join(", ")}`);
  await writeFile(results, await report(await readFile(results, "utf8"), name, tables));
}
console.log(await readFile(results, "utf8"));

/** Our command line, compiled where it was built, and from the sources. */
async function commandLines(): Promise<[Client, ...Client[]]> {
  const sources = { name: "fathom, from sources", path: join(ROOT, "fathom") };
  const dist = join(ROOT, "dist/fathom");
  const isBuilt = await access(dist).then(
    () => true,
    () => false,
  );
  return isBuilt ? [{ name: "fathom, compiled", path: dist }, sources] : [sources];
}

/**
 * crun 1.8 refuses a host whose v2 hierarchy has a controller while others are v1. In a mount namespace of its own that
 * controller is mounted as v1; it goes back with the namespace.
 */
async function runtimes(): Promise<Table[]> {
  const groups = await readdir("/sys/fs/cgroup");
  const hybrid = groups.includes("unified") && !groups.includes("hugetlb");
  const script = hybrid ? WITH_HUGETLB : '"$@"';
  const words = [...BUN, join(import.meta.dir, "runtime.ts"), String(rounds)];
  const result = await run(
    ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", ...words],
    { timeout: 600_000 },
  );
  if (hybrid) await rmdir(HUGETLB);
  if (result.status !== 0) throw new Error(`the runtimes could not be measured: ${result.stderr}`);
  const measured: Measured[] = JSON.parse(result.stdout);
  const named = (name: string) => measured.filter((one) => one.name === name).map(rowOf);
  return [
    {
      title: "one bundle, start to end of `/bin/true`",
      unit: "ms",
      rows: [...named("runc"), ...named("crun"), ...named("fathom")],
    },
    {
      title: "what a receipt costs",
      unit: "ms",
      rows: [...named("fathom with a receipt"), ...named("fathom")],
    },
  ];
}
