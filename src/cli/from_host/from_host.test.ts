import { describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm, symlink } from "node:fs/promises";
import { archive } from "./archive.ts";
import { readElf } from "./elf.ts";
import { parseCache, readLoaderPaths } from "./ld_cache.ts";
import { gather } from "./mod.ts";

/** Unpacks what was gathered and runs a program in it by chroot. */
async function runInside(names: string[], command: string[], use?: (root: string) => Promise<void>) {
  const root = await mkdtemp("/tmp/fathom-test-host-");
  try {
    const image = await gather(names);
    const tar = Bun.spawn(["tar", "-C", root, "-xpf", "-"], { stdin: "pipe", stderr: "inherit" });
    for await (const bytes of archive(image.tree)) {
      tar.stdin.write(bytes);
      await tar.stdin.flush();
    }
    await tar.stdin.end();
    expect(await tar.exited).toBe(0);
    await use?.(root);
    const child = Bun.spawnSync(["/usr/sbin/chroot", root, ...command], { env: { PATH: "/usr/bin:/bin" } });
    return { out: child.stdout.toString(), err: child.stderr.toString() };
  } finally {
    await rm(root, { recursive: true });
  }
}

describe("an image of host programs", () => {
  test("runs its programs with nothing else of the host", async () => {
    expect(
      await runInside(
        ["sh", "ls", "cat"],
        ["sh", "-c", "ls -d /tmp && cat /etc/passwd | { read line; echo $line; }"],
      ),
    ).toEqual({
      out: "/tmp\nroot:x:0:0:root:/root:/bin/sh\n",
      err: "",
    });
  });

  test("keeps links, so that #!/bin/sh works where /bin is one", async () => {
    const got = await runInside(["sh"], ["/script"], async (root) => {
      await Bun.write(`${root}/script`, "#!/bin/sh\necho from a script\n");
      await chmod(`${root}/script`, 0o755);
    });
    expect(got).toEqual({ out: "from a script\n", err: "" });
  });

  test("has the interpreter of a script, by env too, and the links on the way to it", async () => {
    const directory = await mkdtemp("/tmp/fathom-test-script-");
    try {
      await Bun.write(`${directory}/real`, "#!/usr/bin/env -S sh -e\necho by env\n");
      await chmod(`${directory}/real`, 0o755);
      await symlink("real", `${directory}/link`);
      const script = `${directory}/link`;
      expect(await runInside([script], [script])).toEqual({ out: "by env\n", err: "" });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test("a name that is no program is refused", async () => {
    await expect(gather(["no-such-program-here"])).rejects.toThrow("no-such-program-here was not found");
    await expect(gather(["/etc/passwd"])).rejects.toThrow("/etc/passwd is not a program");
  });
});

describe("ELF files", () => {
  test("what readelf says is needed is needed", async () => {
    const elf = await readElf(process.execPath);
    const readelf = Bun.spawnSync(["readelf", "-dl", process.execPath]).stdout.toString();
    expect(elf?.needed).toEqual([...readelf.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = ""]) => name));
    expect(elf?.interpreter).toBe(/interpreter: (.*)\]/.exec(readelf)?.[1]);
  });

  test("a file of another kind is none, and a damaged one is refused, not believed", async () => {
    expect(await readElf("/etc/passwd")).toBeUndefined();
    const directory = await mkdtemp("/tmp/fathom-test-elf-");
    try {
      const head = new Uint8Array(await Bun.file(process.execPath).slice(0, 64).arrayBuffer());
      head.fill(0xff, 32, 40);
      await Bun.write(`${directory}/damaged`, head);
      await expect(readElf(`${directory}/damaged`)).rejects.toThrow("is a damaged program");
      head[18] = 3;
      await Bun.write(`${directory}/other`, head);
      await expect(readElf(`${directory}/other`)).rejects.toThrow("for another kind of machine");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("the loader's cache", () => {
  test("has the paths that ldconfig prints", async () => {
    const { cache } = await readLoaderPaths();
    const printed = Bun.spawnSync(["/sbin/ldconfig", "-p"]).stdout.toString();
    const libc = /^\s*libc\.so\.6 \(libc6,[^)]*64[^)]*\) => (.*)$/m.exec(printed)?.[1];
    expect(libc).toBeString();
    expect(cache.get("libc.so.6")?.[0]).toBe(libc as string);
  });

  test("what is no cache, or is cut short, is empty", () => {
    expect(parseCache(new Uint8Array(100)).size).toBe(0);
    const cut = new Uint8Array(60);
    cut.set(new TextEncoder().encode("glibc-ld.so.cache1.1"));
    cut[20] = 255;
    expect(parseCache(cut).size).toBe(0);
  });
});
