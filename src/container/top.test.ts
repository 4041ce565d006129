import { expect, test } from "bun:test";
import { messageOf } from "../std/errors.ts";
import { fakeEngine } from "./_fakes.ts";

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
  const other = await top("-eo pid,comm");
  expect(other.Titles).toEqual(["PID", "COMMAND"]);
  expect(other.Processes.map(([pid]) => pid)).toContain(String(process.pid));
  expect(await top("-eo comm").catch(messageOf)).toBe("Couldn't find PID field in ps output");
  expect(await top("--nonsense").catch(messageOf)).toStartWith("ps: ");
});
