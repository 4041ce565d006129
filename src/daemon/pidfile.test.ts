import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimPidfile } from "./pidfile.ts";

const directory = mkdtempSync("/tmp/fathom-test-pidfile-");
afterAll(() => rmSync(directory, { recursive: true }));

test("a claimed pid file holds our pid and goes with the claim", async () => {
  const path = join(directory, "a/b.pid");
  {
    await using _claim = await claimPidfile(path);
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  }
  expect(existsSync(path)).toBe(false);
});

test("a stale pid file, of a process that is gone or is no daemon, is taken over", async () => {
  for (const stale of ["4194000", "1", "not a number", ""]) {
    const path = join(directory, "stale.pid");
    writeFileSync(path, stale);
    await using _claim = await claimPidfile(path);
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  }
});

test("a running daemon's pid file is refused with its pid", async () => {
  const path = join(directory, "held.pid");
  const other = Bun.spawn(["sh", "-c", "read x", "daemon"], { stdin: "pipe" });
  writeFileSync(path, String(other.pid));
  await expect(claimPidfile(path)).rejects.toThrow(`a daemon with pid ${other.pid} runs already`);
  other.stdin.end();
  await other.exited;
});

/** A process that claims `path`, says how that went, and holds the claim until its input ends. */
const CLAIMER = `
  const { claimPidfile } = await import(process.argv[1]);
  const claim = await claimPidfile(process.argv[2]).catch((error) => error.message);
  console.log(typeof claim === "string" ? claim : "claimed");
  for await (const _ of Bun.stdin.stream()) {}
  if (typeof claim !== "string") await claim[Symbol.asyncDispose]();
`;

function claimer(path: string) {
  const command = [process.execPath, "--no-env-file", "--config=/dev/null", "-e", CLAIMER];
  const child = Bun.spawn([...command, join(import.meta.dir, "pidfile.ts"), path], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  const said = reader.read().then(({ value }) => new TextDecoder().decode(value).trim());
  return { child, said };
}

test("of daemons that start together one has the claim; those that lost leave its file alone", async () => {
  const path = join(directory, "race.pid");
  for (let round = 0; round < 3; round++) {
    const racers = Array.from({ length: 4 }, () => claimer(path));
    const said = await Promise.all(racers.map((racer) => racer.said));
    const winners = racers.filter((_, index) => said[index] === "claimed");
    expect(winners).toHaveLength(1);
    for (const sentence of said.filter((one) => one !== "claimed")) {
      expect(sentence).toMatch(/^(a daemon with pid \d+ runs already|another daemon is starting) \(/);
    }
    for (const loser of racers.filter((racer) => !winners.includes(racer))) {
      loser.child.stdin.end();
      await loser.child.exited;
    }
    expect(readFileSync(path, "utf8")).toBe(`${winners[0]?.child.pid}\n`);
    winners[0]?.child.stdin.end();
    await winners[0]?.child.exited;
    expect(existsSync(path)).toBe(false);
  }
});

test("a claim goes with a process that is killed, and its file is taken over", async () => {
  const path = join(directory, "killed.pid");
  const { child, said } = claimer(path);
  expect(await said).toBe("claimed");
  await expect(claimPidfile(path)).rejects.toThrow(`a daemon with pid ${child.pid} runs already`);
  child.kill("SIGKILL");
  await child.exited;
  await using _claim = await claimPidfile(path);
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
});

test("the file of a build without locks, in the place of ours, stays when ours is given up", async () => {
  const path = join(directory, "replaced.pid");
  {
    await using _claim = await claimPidfile(path);
    rmSync(path);
    writeFileSync(path, "1\n");
  }
  expect(readFileSync(path, "utf8")).toBe("1\n");
});
