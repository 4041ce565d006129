/** What binds do on the real kernel: propagation, depth of read-only, and targets that somebody exchanges for links. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
let host: string;
beforeAll(async () => {
  engine = await startFathom();
  host = join(engine.root, "host");
  await mkdir(join(host, "below"), { recursive: true });
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const docker = (args: string[]) => engine.output("docker", args);
const NONE = ["--network", "none"];
const inside = async (mounts: string[], script: string) => {
  const args = ["run", "--rm", ...NONE, ...mounts, "busybox", "sh", "-c", script];
  const { stdout, stderr } = await engine.command("docker", args);
  return (stdout + stderr).trim();
};

/** A tmpfs at `path`, for as long as the scope. */
async function mounted(path: string, ...more: string[]): Promise<AsyncDisposable> {
  const succeed = async (command: string[]) => {
    const { status, stderr } = await run(command);
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  };
  await mkdir(path, { recursive: true });
  await succeed(["mount", "-t", "tmpfs", "tmpfs", path]);
  if (more.length > 0) await succeed(["mount", ...more, path]);
  return { [Symbol.asyncDispose]: () => succeed(["umount", "-R", "-l", path]) };
}

describe("a bind", () => {
  const bind = (options: string) => ["--mount", `type=bind,src=${host},dst=/m${options}`];

  test("is read-only all the way down, unless only the mount itself is to be", async () => {
    await using _ = await mounted(join(host, "below"));
    const write = "touch /m/x; touch /m/below/x && echo wrote below";
    expect(await inside(bind(",readonly"), write)).not.toContain("wrote below");
    const shallow = await inside(bind(",readonly,bind-recursive=writable"), write);
    expect(shallow).toMatch(
      /\/m\/x: Read-only file system[\s\S]*wrote below|wrote below[\s\S]*\/m\/x: Read-only/,
    );
    const forced = bind(",readonly,bind-recursive=readonly,bind-propagation=rprivate");
    expect(await inside(forced, write)).not.toContain("wrote below");
  });

  test("may leave out what is mounted below", async () => {
    await using _ = await mounted(join(host, "below"));
    await writeFile(join(host, "below", "seen"), "");
    expect(await inside(bind(""), "ls /m/below")).toBe("seen");
    expect(await inside(bind(",bind-recursive=disabled"), "ls /m/below")).toBe("");
  });
});

describe("propagation:", () => {
  const shared = () => join(engine.root, "shared");
  const start = (propagation: string, ...flags: string[]) => {
    const bind = `${shared()}:/m:${propagation}`;
    return docker(["run", "-d", ...NONE, ...flags, "-v", bind, "busybox", "sleep", "100"]);
  };

  test("mounts of the host come in where it is shared or slave, and not where it is private", async () => {
    await using _ = await mounted(shared(), "--make-rshared");
    const ids = new Map<string, string>();
    for (const propagation of ["rprivate", "rslave", "rshared", "slave", "shared", "private"])
      ids.set(propagation, await start(propagation));
    await mkdir(join(shared(), "later"));
    await using __ = await mounted(join(shared(), "later"));
    await writeFile(join(shared(), "later", "f"), "");
    const seen = async (propagation: string) =>
      (await docker(["exec", ids.get(propagation) ?? "", "ls", "/m/later"])) === "f";
    for (const propagation of ["rslave", "rshared", "slave", "shared"])
      expect([propagation, await seen(propagation)]).toEqual([propagation, true]);
    for (const propagation of ["rprivate", "private"])
      expect([propagation, await seen(propagation)]).toEqual([propagation, false]);
  });

  test("mounts of a container go out where it is shared alone", async () => {
    await using _ = await mounted(shared(), "--make-rshared");
    const mayMount = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
    for (const propagation of ["rshared", "rslave", "rprivate"]) {
      const id = await start(propagation, ...mayMount);
      const name = `of-${propagation}`;
      await docker(["exec", id, "sh", "-c", `mkdir /m/${name} && mount -t tmpfs t /m/${name}`]);
      const mounts = await readFile("/proc/self/mountinfo", "utf8");
      expect([propagation, mounts.includes(join(shared(), name))]).toEqual([
        propagation,
        propagation === "rshared",
      ]);
    }
  });

  test("a mount that is not shared cannot be", async () => {
    await using _ = await mounted(shared(), "--make-private");
    const { stderr } = await engine.command("docker", [
      ...["run", "--rm", ...NONE, "-v", `${shared()}:/m:rshared`, "busybox", "true"],
    ]);
    expect(stderr).toContain(`path ${shared()} is mounted on ${shared()} but it is not a shared mount`);
  });
});

describe("a place in a volume that another container exchanges", () => {
  /** Makes it by turns a directory and a link out of the volume, as fast as it can. */
  const RACE = 'cd /v; while :; do mkdir at; rm -rf at; ln -s "$1" at; rm -f at; done 2>/dev/null';

  /** Puts a directory and such a link there by turns. */
  const SWAP =
    'cd /v; mkdir real; ln -s "$1" link; while :; do mv real at; mv at real; mv -T link at; mv -T at link; done';

  test("for a link never leads a mount out of the container: CVE-2021-30465", async () => {
    const outside = join(engine.root, "outside");
    await mkdir(join(outside, "x"), { recursive: true });
    const up = "../".repeat(12);
    const script = ["sh", "-c", RACE, "race", `${up}${outside.slice(1)}`];
    await docker(["run", "-d", ...NONE, "-v", "raced:/v", "busybox", ...script]);
    const mounts = ["-v", "raced:/v", "--tmpfs", "/v/at/x", "-v", `${host}:/v/at/y`];
    const starts = Array.from({ length: 25 }, () =>
      engine.command("docker", ["run", "--rm", ...NONE, ...mounts, "busybox", "true"]),
    );
    const outcomes = await Promise.all(starts);
    // The race was one: some of them found the directory, or made it.
    expect(outcomes.filter(({ status }) => status === 0)).not.toEqual([]);
    expect(await readdir(outside)).toEqual(["x"]);
    expect(await readdir(join(outside, "x"))).toEqual([]);
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(outside);
  });

  test("for a link never makes a part of it something of the host", async () => {
    const outside = join(engine.root, "secret");
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "of the host");
    const script = ["sh", "-c", SWAP, "swap", outside];
    await docker(["run", "-d", ...NONE, "-v", "parts:/v", "busybox", ...script]);
    const mount = "type=volume,src=parts,dst=/p,volume-subpath=at";
    const outcomes = await Promise.all(
      Array.from({ length: 25 }, () =>
        engine.command("docker", ["run", "--rm", ...NONE, "--mount", mount, "busybox", "ls", "/p"]),
      ),
    );
    expect(outcomes.map(({ stdout }) => stdout).join("")).not.toContain("secret");
    await eventually("a start that found the directory", async () => {
      const { status } = await engine.command("docker", [
        ...["run", "--rm", ...NONE, "--mount", mount, "busybox", "true"],
      ]);
      return status === 0;
    });
  });
});
