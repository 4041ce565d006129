import { expect, test } from "bun:test";
import { mkdtemp, readFile, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "./tar_writer.ts";

const content = new TextEncoder().encode("hello\n");

function archive(entries: TarEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) =>
    entry.type === "file"
      ? [tarHeader({ ...entry, size: content.length }), content, tarPadding(content.length)]
      : [tarHeader(entry)],
  );
  return Buffer.concat([...parts, tarEnd()]);
}

test("GNU tar unpacks what is written, names beyond 100 bytes and links included", async () => {
  const dir = await mkdtemp("/tmp/fathom-test-tar-");
  try {
    const long = `${"d".repeat(90)}/${"ü".repeat(60)}`;
    await Bun.write(
      join(dir, "a.tar"),
      archive([
        { path: "tmp", type: "directory", mode: 0o1777 },
        { path: long, type: "file", mode: 0o755, mtime: 1_000_000_000 },
        { path: "l", type: "symlink", mode: 0o777, link: "x".repeat(150) },
      ]),
    );
    const tar = Bun.spawnSync(["tar", "-C", dir, "-xpf", join(dir, "a.tar")], { stderr: "pipe" });
    expect(tar.stderr.toString()).toBe("");
    expect(await readFile(join(dir, long), "utf8")).toBe("hello\n");
    const file = await stat(join(dir, long));
    expect([file.mode & 0o7777, file.mtimeMs]).toEqual([0o755, 1_000_000_000_000]);
    expect((await stat(join(dir, "tmp"))).mode & 0o7777).toBe(0o1777);
    expect(await readlink(join(dir, "l"))).toBe("x".repeat(150));
  } finally {
    await rm(dir, { recursive: true });
  }
});
