/**
 * Runs every check and every suite, two at a time, and ends with `N passed, N failed`.
 *
 * Checks (types, lint and format, unused exports) count as one test each. Suites run in processes of their own; a suite that
 * ends without saying how many tests passed counts as one failure. One that fails beside another is run again alone at the end,
 * and that counts: tests hold on a real kernel, and what the neighbour does to it is not theirs to answer for. Arguments narrow the suites: `npm test -- container`.
 */

import { Glob } from "bun";

interface Job {
  name: string;
  command: string[];
  /** How a run's output and exit status count. */
  count: (output: string, status: number) => Tally;
}

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const BUN = [process.execPath, "--no-env-file", "--config=/dev/null"];
const SUITE_TIMEOUT_MS = 10 * 60_000;
const WORKERS = 2;
/** Suites that keep every processor busy for a minute or two, by emulating one or by two hundred kills: one of them at a time. */
const HEAVY = /\/(?:clock|lacking|never_lost|quota|unified\w*)\.test\.ts$/;

const started = Date.now();
const only = process.argv.slice(2);
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
/** Suites that failed beside another. */
const doubtful: Job[] = [];
const before = leftovers();
await runAll(
  [...checks(), ...suites()].filter(
    ({ name }) => only.length === 0 || only.some((part) => name.includes(part)),
  ),
);
for (const job of doubtful) add(await run(job, "again, alone: "));
reportLeaks(before, leftovers());
console.log(`took ${Math.round((Date.now() - started) / 1000)} s`);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
);
process.exitCode = total.failed > 0 ? 1 : 0;

function checks(): Job[] {
  const bin = "node_modules/.bin";
  const one = (name: string, command: string[]): Job => ({
    name,
    command,
    count: (_, status) => ({ passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 }),
  });
  return [
    one("types", [`${bin}/tsc`, "--noEmit"]),
    one("lint and format", [`${bin}/biome`, "ci", "--error-on-warnings", "."]),
    one("unused exports", [`${bin}/knip`]),
  ];
}

function suites(): Job[] {
  const folders = [
    ...new Set(
      [...new Glob("src/**/*.test.ts").scanSync()].map((file) => file.split("/").slice(0, 2).join("/")),
    ),
  ];
  const files = [...new Glob("test/**/*.test.ts").scanSync()];
  return [...folders.sort(), ...files.sort()].map((path) => ({
    name: path,
    command: [...BUN, "test", "--timeout=120000", `./${path}`],
    count: countTests,
  }));
}

/** The closing lines of `bun test`: ` 12 pass`, ` 0 fail`, ` 1 skip`. */
function countTests(output: string, status: number): Tally {
  const number = (word: string): number =>
    Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  const tally = { passed: number("pass"), failed: number("fail"), skipped: number("skip") };
  const silent = tally.passed + tally.failed + tally.skipped === 0;
  if (silent || (status !== 0 && tally.failed === 0)) tally.failed += 1;
  return tally;
}

async function runAll(jobs: Job[]): Promise<void> {
  const heavy = jobs.filter(({ name }) => HEAVY.test(name));
  const light = jobs.filter(({ name }) => !HEAVY.test(name));
  const drain = async (queue: Job[]): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const tally = await run(job);
      if (tally.failed > 0) doubtful.push(job);
      else add(tally);
    }
  };
  const heavyFirst = async (): Promise<void> => {
    await drain(heavy);
    await drain(light);
  };
  await Promise.all([heavyFirst(), ...Array.from({ length: WORKERS - 1 }, () => drain(light))]);
}

function add({ passed, failed, skipped }: Tally): void {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

/** Runs one job and prints how it ended; all of its output where it failed. */
async function run(job: Job, how = ""): Promise<Tally> {
  const from = Date.now();
  const child = Bun.spawn(job.command, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: SUITE_TIMEOUT_MS,
  });
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const tally = job.count(`${out}\n${err}`, status);
  const seconds = ((Date.now() - from) / 1000).toFixed(1);
  console.log(
    `${tally.failed > 0 ? "FAIL" : "ok  "} ${how}${job.name}: ${tally.passed} passed, ${tally.failed} failed (${seconds} s)`,
  );
  if (tally.failed > 0) console.log(`${out}\n${err}`.replaceAll(/^/gm, "     | "));
  return tally;
}

/** What a test may leave on the host: mounts, cgroups, links, processes and files that carry our name. */
function leftovers(): Set<string> {
  const script = [
    "grep -o '/tmp/fathom-[^ ]*' /proc/self/mounts",
    "find /sys/fs/cgroup -mindepth 2 -path '*/fathom*' -type d 2>/dev/null",
    "ls -d /tmp/fathom-* 2>/dev/null",
    "ls -d /sys/class/net/fathom* /sys/class/net/fm* /sys/class/net/fi[0-9a-f]* 2>/dev/null",
    "nft list tables 2>/dev/null | grep -o 'table .* fathom.*'",
    "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -o '.*/tmp/fathom-test.*' | sed \"s#^#$p #\"; done",
  ].join("; ");
  const out = Bun.spawnSync(["sh", "-c", script]).stdout.toString();
  return new Set(out.split("\n").filter((line) => line !== "" && !line.includes("sh -c")));
}

function reportLeaks(earlier: Set<string>, later: Set<string>): void {
  const leaked = [...later].filter((line) => !earlier.has(line));
  if (leaked.length === 0) total.passed += 1;
  else total.failed += 1;
  console.log(
    leaked.length === 0
      ? "ok   nothing leaked"
      : `FAIL leaked:\n${leaked.map((line) => `     | ${line}`).join("\n")}`,
  );
}
