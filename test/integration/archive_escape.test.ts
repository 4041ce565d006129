/**
 * Ways out of a container's root that `docker cp` has had, each really attempted. What they would reach lies in the engine's own
 * directory on the host; the container has a directory of the same path, so that nothing fails for want of one.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom, tarOf } from "../harness/mod.ts";

let engine: Engine;
/** On the host; the container has a path like it. */
let outside: string;
let container: string;

/** Exchanges two names as fast as it can: argv[1] and argv[2], which renameat2(2) does in one step. */
const EXCHANGE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
int main(int argc, char **argv) {
  if (argc < 3) return 1;
  for (;;) if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0) return 2;
}
`;

/** More than any path here is deep, and short enough for a header. */
const CLIMB = "../".repeat(12);

/** Says on the host that it was loaded. */
const libraryOf = (mark: string) => `
#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { open("${mark}", O_CREAT | O_WRONLY, 0644); }
`;

beforeAll(async () => {
  engine = await startFathom();
  outside = join(engine.root, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "secret"), "the host's");
  await writeFile(join(engine.root, "exchange.c"), EXCHANGE);
  await compile(["-static", "-o", "exchange", "exchange.c"]);
  await writeFile(join(engine.root, "library.c"), libraryOf(join(outside, "loaded")));
  await compile(["-shared", "-fPIC", "-o", "library.so", "library.c"]);
  const mount = ["-v", `${join(engine.root, "exchange")}:/exchange:ro`];
  container = await engine.output("docker", [
    "run",
    "-d",
    "--network",
    "none",
    ...mount,
    "busybox",
    "sleep",
    "600",
  ]);
  await inContainer(`mkdir -p ${outside} /x${outside} && echo of the link >${outside}/secret`);
  await inContainer(`echo of the directory >/x${outside}/secret && ln -s / /y`);
});
afterAll(() => engine[Symbol.asyncDispose]());

async function compile(args: string[]): Promise<void> {
  const { status, stderr } = await run(["gcc", ...args], { cwd: engine.root });
  if (status !== 0) throw new Error(stderr);
}

async function inContainer(script: string): Promise<string> {
  return engine.output("docker", ["exec", container, "sh", "-c", script]);
}

const archive = (path: string) => `/containers/${container}/archive?path=${encodeURIComponent(path)}`;

/** Gives the status and the sentence of the answer. */
async function put(path: string, tar: Uint8Array): Promise<{ status: number; text: string }> {
  const { status, text } = await engine.request("PUT", archive(path), tar);
  return { status, text };
}

async function expectHostUntouched(): Promise<void> {
  expect((await readdir(outside)).sort()).toEqual(["secret"]);
  expect(await readFile(join(outside, "secret"), "utf8")).toBe("the host's");
}

describe("CVE-2018-15664: a process exchanges a directory and a link to / while cp runs", () => {
  const MOST = 300;
  const SECONDS = 8;

  /** Runs `attempt` until it has given both answers, and some more times: the race is on, and has been run. */
  async function race(attempt: () => Promise<string>): Promise<Set<string>> {
    await engine.output("docker", ["exec", "-d", container, "/exchange", "/x", "/y"]);
    await eventually("the exchange", async () => (await inContainer("ps")).includes("/exchange"));
    const seen = new Set<string>();
    const end = Date.now() + SECONDS * 1000;
    try {
      for (let count = 0; count < MOST && Date.now() < end; count += 1) seen.add(await attempt());
    } finally {
      await inContainer("killall exchange");
    }
    return seen;
  }

  test("reads nothing of the host", async () => {
    const seen = await race(async () => {
      const { status, text } = await engine.request("GET", archive(`/x${outside}/secret`));
      return status === 200 ? (/of the \w+|the host's/.exec(text)?.[0] ?? "cut short") : String(status);
    });
    expect([...seen]).not.toContain("the host's");
    expect([...seen].sort()).toEqual(["of the directory", "of the link"]);
  });

  test("writes nothing to the host", async () => {
    const tar = tarOf([{ path: "planted", content: "planted" }]);
    const seen = await race(async () => String((await put(`/x${outside}`, tar)).status));
    expect([...seen]).toEqual(["200"]);
    await expectHostUntouched();
    const both = await inContainer(`ls ${outside} /x${outside} /y${outside} | grep -c planted`);
    expect(Number(both)).toBeGreaterThanOrEqual(2);
  });
});

describe("CVE-2019-14271: what cp loads and runs", () => {
  const LIBRARIES = [
    "lib/x86_64-linux-gnu/libnss_files.so.2",
    "lib/x86_64-linux-gnu/libc.so.6",
    "usr/lib/libnss_files.so.2",
    "lib64/libnss_files.so.2",
  ];

  test("is nothing of the container, whatever lies in its root", async () => {
    const library = await readFile(join(engine.root, "library.so"));
    await put(
      "/",
      tarOf([
        ...LIBRARIES.map((path) => ({ path, content: library })),
        { path: "etc/ld.so.preload", content: LIBRARIES.map((path) => `/${path}\n`).join("") },
        { path: "etc/nsswitch.conf", content: "passwd: files\ngroup: files\n" },
      ]),
    );
    const log = join(engine.root, "strace");
    const tracer = Bun.spawn(
      ["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", log, "-p", String(engine.pid)],
      { stdio: ["ignore", "ignore", "ignore"] },
    );
    try {
      await eventually("the tracer", async () =>
        (await readFile(`/proc/${engine.pid}/status`, "utf8")).includes(`TracerPid:\t${tracer.pid}`),
      );
      const tar = tarOf([{ path: "copied", content: "x" }]);
      expect((await put("/tmp", tar)).status).toBe(200);
      expect((await engine.request("PUT", `${archive("/tmp")}&copyUIDGID=1`, tar)).status).toBe(200);
      expect((await engine.request("GET", archive("/etc"))).status).toBe(200);
      expect((await engine.request("HEAD", archive("/etc/passwd"))).status).toBe(200);
    } finally {
      tracer.kill("SIGTERM");
      await tracer.exited;
    }
    expect(await readFile(log, "utf8")).toBe("");
    const mapped = await readFile(`/proc/${engine.pid}/maps`, "utf8");
    expect(mapped).not.toContain(engine.root);
    expect(existsSync(join(outside, "loaded"))).toBe(false);
  });
});

describe("CVE-2014-6407: links in an archive that lead out of the root", () => {
  test("a symbolic link to a directory of the host, and a file behind it", async () => {
    const tar = tarOf([
      { path: "way", type: "2", link: outside },
      { path: "way/by-link", content: "planted" },
    ]);
    expect((await put("/tmp", tar)).status).toBe(200);
    await expectHostUntouched();
    expect(await inContainer(`cat ${outside}/by-link`)).toBe("planted");
  });

  test("a symbolic link that climbs, and a file behind it", async () => {
    const tar = tarOf([
      { path: "climb", type: "2", link: `${CLIMB}${outside.slice(1)}` },
      { path: "climb/by-climbing", content: "planted" },
    ]);
    expect((await put("/tmp", tar)).status).toBe(200);
    await expectHostUntouched();
    expect(await inContainer(`cat ${outside}/by-climbing`)).toBe("planted");
  });

  test.each([CLIMB, "/"])("a hard link to a file of the host, by way of %s", async (way) => {
    const tar = tarOf([
      { path: "hard", type: "1", link: `${way}${outside.slice(1)}/secret` },
      { path: "hard", content: "planted" },
    ]);
    expect((await put("/tmp", tar)).status).toBe(400);
    await expectHostUntouched();
  });

  test("a hard link over a file that is there", async () => {
    const tar = tarOf([
      { path: "way-in", type: "2", link: "/proc/1/root" },
      { path: "linked", type: "1", link: `way-in${outside}/secret` },
    ]);
    expect((await put("/tmp", tar)).status).toBe(400);
    await expectHostUntouched();
  });
});

describe("CVE-2014-9356: names in an archive that lead out of the root", () => {
  test("an absolute name is below the directory", async () => {
    expect((await put("/tmp", tarOf([{ path: `${outside}/absolute`, content: "planted" }]))).status).toBe(
      200,
    );
    await expectHostUntouched();
    expect(await inContainer(`cat /tmp${outside}/absolute`)).toBe("planted");
  });

  test.each(["../escape", `${CLIMB}tmp/escape`, "a/../../escape", "./../escape"])(
    "%s is refused",
    async (path) => {
      expect((await put("/tmp", tarOf([{ path, content: "planted" }]))).status).toBe(400);
      expect(await inContainer("ls / /tmp")).not.toContain("escape");
      await expectHostUntouched();
    },
  );

  test("a path of the request that climbs stays in the container", async () => {
    const tar = tarOf([{ path: "by-request", content: "planted" }]);
    expect((await put(`/tmp/${CLIMB}${outside.slice(1)}`, tar)).status).toBe(200);
    await expectHostUntouched();
    expect(await inContainer(`cat ${outside}/by-request`)).toBe("planted");
  });

  test("links of /proc lead nowhere", async () => {
    for (const path of [`/proc/1/root${outside}`, "/proc/1/cwd/etc", "/proc/self/fd/0"])
      expect((await engine.request("GET", archive(path))).status).toBe(404);
  });
});
