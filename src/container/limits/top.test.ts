import { expect, test } from "bun:test";
import { messageOf } from "../../std/errors.ts";
import { fakeEngine } from "../_fakes.ts";

test("the columns are those of ps, and this process is in the row of its own number", async () => {
  await using fake = await fakeEngine();
  await fake.engine.containers.create({ Image: "bb" }, { name: "web" });
  const top = (psArgs: string) => fake.engine.containers.top("web", psArgs);
  expect(await top("").catch(messageOf)).toMatch(/^container [0-9a-f]{64} is not running$/);
  const { take } = fake.options.shims;
  fake.options.shims.take = async () => {
    const shim = await take();
    shim.launch = async () => ({ pid: process.pid, startedAt: new Date().toISOString() });
    return shim;
  };
  await fake.engine.containers.start("web");
  const full = await top("-ef");
  expect(full.Titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  const own = full.Processes.find((row) => row[1] === String(process.pid));
  expect(own?.[0]).toBe("root");
  expect(own?.[2]).toBe(String(process.ppid));
  expect(own?.[4]).toMatch(/^\d\d:\d\d$/);
  expect(own?.[6]).toMatch(/^\d\d:\d\d:\d\d$/);
  expect(own?.[7]).toContain("test");
  const aux = await top("aux");
  expect(aux.Titles).toHaveLength(11);
  const same = aux.Processes.find((row) => row[1] === String(process.pid));
  expect(Number(same?.[5])).toBeGreaterThan(10_000);
  expect(same?.[7]).toMatch(/^[RSD]/);
});

test("other columns are asked of the host's ps, and rows chosen by their number", async () => {
  await using fake = await fakeEngine();
  await fake.engine.containers.create({ Image: "bb" }, { name: "web" });
  await fake.engine.containers.start("web");
  const top = (psArgs: string) => fake.engine.containers.top("web", psArgs).catch(messageOf);
  expect(await top("-o pid")).toBe("ps is not installed on this host: install procps, or give no arguments");
  const asked: string[][] = [];
  const answer = (stdout: string, exitCode = 0) => {
    fake.options.runProgram = async (command) => {
      asked.push([...command]);
      return { exitCode, stdout, stderr: "error: unknown\nUsage:\n" };
    };
  };
  // The fake's program has ended for /proc, so that no row is its own.
  answer("  PID COMMAND\n    1 init x\n");
  expect(await top("-o pid,cmd")).toEqual({ Titles: ["PID", "COMMAND"], Processes: [] });
  expect(asked).toEqual([["ps", "-o", "pid,cmd"]]);
  answer("COMMAND\ninit\n");
  expect(await top("-o cmd")).toBe("Couldn't find PID field in ps output");
  answer("", 1);
  expect(await top("--nonsense")).toBe("ps: error: unknown");
});
