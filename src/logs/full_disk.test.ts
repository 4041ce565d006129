import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ReadOptions, readLog } from "./reader.ts";
import { LogFile } from "./writer.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-log-");
  path = join(directory, "x.log");
  run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", directory);
});
afterEach(() => {
  run("umount", directory);
  rmSync(directory, { recursive: true });
});

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

const lines = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `${String(from + index).padStart(60, ".")}\n`).join("");

async function read(options: Partial<ReadOptions> = {}): Promise<string> {
  const how = {
    stdout: true,
    stderr: true,
    timestamps: false,
    details: false,
    since: 0n,
    until: 0n,
  } as const;
  const parts: Uint8Array[] = [];
  for await (const bytes of readLog(path, { ...how, framed: false, tail: "all", ...options }))
    parts.push(bytes);
  return Buffer.concat(parts).toString();
}

test("what a full disk has room for stays, whole, and what it has not is counted", async () => {
  const lost: number[] = [];
  const ended = Promise.withResolvers<void>();
  const filler = join(directory, "filler");
  {
    using log = new LogFile({ path, maxSize: -1, maxFiles: 1, onLoss: (_, bytes) => lost.push(bytes) });
    const followed = read({ followUntil: ended.promise });
    log.write("stdout", Buffer.from(lines(0, 10)));
    writeFileSync(filler, new Uint8Array(100_000));
    log.write("stdout", Buffer.from(lines(10, 3000)));
    const { offset } = log.position;
    expect(offset).toBe(readFileSync(path).length);
    const kept = await read();
    expect(lines(0, 3010)).toStartWith(kept);
    expect(kept.length).toBeGreaterThan(lines(0, 500).length);
    const sizeOfRecord = offset / (kept.length / 61);
    expect(lost.reduce((sum, bytes) => sum + bytes)).toBeWithin(
      (3010 - kept.length / 61) * (sizeOfRecord - 10),
      (3010 - kept.length / 61) * (sizeOfRecord + 10),
    );
    // Room again: it goes on behind the last whole record.
    rmSync(filler);
    log.write("stderr", Buffer.from("room again\n"));
    ended.resolve();
    expect(await followed).toBe(`${kept}room again\n`);
  }
  expect(await read({ tail: 1 })).toBe("room again\n");
});
