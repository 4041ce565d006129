/** Archives made to do harm: whatever is answered, nothing outside the image's own directory is touched. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { busyboxArchive, type Engine, type Entry, startFathom, tarOf } from "../harness/mod.ts";

let engine: Engine;
/** A directory of the host's that archives aim at. */
let outside: string;
beforeAll(async () => {
  engine = await startFathom();
  outside = await mkdtemp("/tmp/fathom-test-outside-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(outside, { recursive: true });
});

const importing = (archive: Uint8Array, reference = "evil") =>
  engine.request("POST", `/images/create?fromSrc=-&repo=${reference}`, archive);

async function outsideIsUntouched(): Promise<void> {
  expect(await readdir(outside)).toEqual(["victim"]);
  expect(await readFile(join(outside, "victim"), "utf8")).toBe("untouched");
  expect((await stat(join(outside, "victim"))).nlink).toBe(1);
  expect((await stat(join(outside, "victim"))).mode & 0o777).toBe(0o600);
}

/** Every file below the engine's layers, as the host sees them. */
async function layerFiles(): Promise<string[]> {
  return (await readdir(join(engine.dataRoot, "layers"), { recursive: true }).catch(() => [])).sort();
}

const up = "../".repeat(20);
const attacks: [string, () => Entry[]][] = [
  ["a path with ..", () => [{ path: `${up}${outside}/new`, content: "x" }]],
  ["a path with .. in its middle", () => [{ path: `a/${up}${outside}/new`, content: "x" }]],
  ["an absolute path", () => [{ path: `${outside}/new`, content: "x" }]],
  [
    "a link that leads out, and a file through it",
    () => [
      { path: "out", type: "2", link: outside },
      { path: "out/new", content: "x" },
    ],
  ],
  [
    "a relative link that leads out, and a file through it",
    () => [
      { path: "out", type: "2", link: `${up}${outside}` },
      { path: "out/victim", content: "changed" },
    ],
  ],
  [
    "a link that leads out, and a directory in its place",
    () => [
      { path: "out", type: "2", link: outside },
      { path: "out/", type: "5", mode: 0o777 },
      { path: "out/new", content: "x" },
    ],
  ],
  [
    "a hard link to a file outside, then written",
    () => [
      { path: "hard", type: "1", link: `${outside}/victim` },
      { path: "hard", content: "changed" },
    ],
  ],
  [
    "a hard link with .. to a file outside",
    () => [{ path: "hard", type: "1", link: `${up}${outside}/victim` }],
  ],
  [
    "a hard link through a link that leads out",
    () => [
      { path: "out", type: "2", link: outside },
      { path: "hard", type: "1", link: "out/victim" },
    ],
  ],
  ["a whiteout with ..", () => [{ path: `${up}${outside}/.wh.victim`, content: "" }]],
  [
    "a whiteout through a link that leads out",
    () => [
      { path: "out", type: "2", link: outside },
      { path: "out/.wh.victim", content: "" },
      { path: "out/.wh..wh..opq", content: "" },
    ],
  ],
  ["a whiteout of ..", () => [{ path: ".wh...", content: "" }]],
  [
    "the root itself as a link",
    () => [
      { path: ".", type: "2", link: outside },
      { path: "new", content: "x" },
    ],
  ],
];

describe("nothing outside is touched by", () => {
  test.each(attacks)("%s", async (_, entries) => {
    await rm(outside, { recursive: true });
    await mkdir(outside);
    await writeFile(join(outside, "victim"), "untouched", { mode: 0o600 });
    const { status } = await importing(tarOf(entries()));
    expect([200, 400, 403, 500]).toContain(status);
    await outsideIsUntouched();
  });
});

describe("refused without a trace:", () => {
  const cut = async () => (await busyboxArchive()).subarray(0, 1 << 20);
  const broken: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    ["noise", () => new Uint8Array(4096).map((_, index) => (index * 7 + 13) & 0xff)],
    ["an archive that is cut short", cut],
    [
      "a compressed archive that is cut short",
      async () => gzipSync(await cut(), { level: 1 }).subarray(0, 100_000),
    ],
    [
      "a compressed archive with noise in it",
      async () => gzipSync(await cut(), { level: 1 }).fill(0x55, 50_000, 60_000),
    ],
    [
      "a header whose checksum is wrong",
      () =>
        tarOf([{ path: "a", content: "x" }])
          .fill(0x41, 0, 1)
          .fill(0x42, 10, 20),
    ],
  ];
  test.each(broken)("%s", async (_, make) => {
    const before = await layerFiles();
    const answer = await importing(await make(), "broken");
    // A stream of progress may have begun: then the failure is its last message.
    expect(answer.status >= 400 || answer.text.includes('"error"')).toBe(true);
    expect(await layerFiles()).toEqual(before);
    expect((await engine.request("GET", "/images/broken/json")).status).toBe(404);
  });
});

test("an entry that names a device is made in the image and is of no use to a container", async () => {
  const archive = tarOf([{ path: "disk", type: "3", device: [1, 1], mode: 0o666 }]);
  expect((await importing(archive, "devices")).status).toBe(200);
  const { stdout } = await engine.command("docker", [
    "run",
    "--rm",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "mknod /d b 7 0 && cat /d || echo refused",
  ]);
  expect(stdout).toBe("refused\n");
});
