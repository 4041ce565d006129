/** Images going in and out: archives of a gigabyte and of many files, and what is done with images that are there. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, digestOfHex, hexOf } from "../src/spec/digest.ts";
import type { Digest } from "../src/spec/oci_image.ts";
import { type Engine, type Entry, startDocker, startFathom, tarOf } from "../test/harness/mod.ts";
import { type Client, timed } from "./_commands.ts";
import { type Case, measure } from "./_measure.ts";
import { rowOf, type Table } from "./_report.ts";

/** 200 files of 5 MB. */
const BIG = { files: 200, bytes: 5_000_000 };
/** Files of about a kilobyte. */
const MANY = { files: 30_000, bytes: 1000 };
const IMAGES = 500;

type Once = (path: string, engine: Engine) => Promise<number | undefined>;

/** Each with Docker's as the first row. */
export async function imageTables(clients: readonly Client[], rounds: number): Promise<Table[]> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const directory = await mkdtemp("/tmp/fathom-test-bench-images-");
  try {
    const engines = [
      { name: "docker with dockerd", path: "docker", engine: docker },
      { name: "docker with fathom", path: "docker", engine: fathom },
    ];
    const tables: Table[] = [];
    for (const [title, once] of await operations(directory)) {
      // Next to what the engine does here a client does nothing, so that one will do.
      const cases = engines.map(({ name, path, engine }): Case => ({ name, once: () => once(path, engine) }));
      tables.push({ title, unit: "ms", rows: (await measure(cases, rounds, { warmUp: 0 })).map(rowOf) });
    }
    const pairs = [...engines, ...clients.map((client) => ({ ...client, engine: fathom }))];
    return [...tables, await listing(pairs, rounds), await memory(fathom)];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function operations(directory: string): Promise<[string, Once][]> {
  const big = await archives(directory, "big", BIG);
  const many = await archives(directory, "many", MANY);
  const rmi = (engine: Engine, ...names: string[]) =>
    engine.output("docker", ["rmi", "-f", ...names], { timeout: 120_000 });
  const loaded =
    (archive: string, name: string): Once =>
    async (path, engine) => {
      const took = await timed(path, ["load", "-i", archive], engine);
      await rmi(engine, name);
      return took;
    };
  return [
    ["`load` of an archive of 1 GB", loaded(big.image, "big")],
    ["`load` of an archive of 30,000 files", loaded(many.image, "many")],
    [
      "`import` of 1 GB",
      async (path, engine) => {
        const took = await timed(path, ["import", big.root, "imported"], engine);
        await rmi(engine, "imported");
        return took;
      },
    ],
    [
      "`save` of an image of 1 GB",
      async (path, engine) => {
        await present(engine, big.image, "big");
        return timed(path, ["save", "-o", join(directory, "saved.tar"), "big"], engine);
      },
    ],
    [
      "`commit` of 10 files changed in an image of 1 GB",
      async (path, engine) => {
        await present(engine, big.image, "big");
        const id = await engine.output("docker", ["create", "--network", "none", "big", "true"]);
        for (let n = 0; n < 10; n++)
          await engine.output("docker", ["cp", "/etc/hostname", `${id}:/changed-${n}`]);
        const took = await timed(path, ["commit", id, "committed"], engine);
        await engine.output("docker", ["rm", id]);
        await rmi(engine, "committed");
        return took;
      },
    ],
    [
      "`rmi` of an image of 30,000 files",
      async (path, engine) => {
        await present(engine, many.image, "many");
        return timed(path, ["rmi", "many"], engine);
      },
    ],
  ];
}

async function present(engine: Engine, archive: string, name: string): Promise<void> {
  const { status } = await engine.command("docker", ["image", "inspect", name]);
  if (status !== 0) await engine.output("docker", ["load", "-i", archive]);
}

/** A root of so many files as a tar, and an image of it as Docker's own archive. */
async function archives(
  directory: string,
  name: string,
  { files, bytes }: typeof BIG,
): Promise<{ root: string; image: string }> {
  const root = join(directory, `${name}-root.tar`);
  const image = join(directory, `${name}.tar`);
  const hasher = new Bun.CryptoHasher("sha256");
  const sink = Bun.file(root).writer();
  // It does not compress, and each file differs from the others by its first bytes.
  const content = crypto.getRandomValues(Buffer.alloc(65_536));
  const whole = Buffer.concat(Array.from({ length: Math.ceil(bytes / content.length) }, () => content));
  for (let at = 0; at < files; at++) {
    whole.writeUInt32LE(at);
    const entry = withoutEnd({ path: `d${Math.floor(at / 100)}/f${at}`, content: whole.subarray(0, bytes) });
    hasher.update(entry);
    sink.write(entry);
    await sink.flush();
  }
  hasher.update(END);
  sink.write(END);
  await sink.end();
  await writeImage(image, { name, root, layer: digestOfHex(hasher.digest("hex")) });
  return { root, image };
}

const END = Buffer.alloc(1024);
const withoutEnd = (entry: Entry): Uint8Array => tarOf([entry]).subarray(0, -END.length);

async function writeImage(
  path: string,
  { name, root, layer }: { name: string; root: string; layer: Digest },
): Promise<void> {
  const config = configOf({ layer, config: { Cmd: ["true"] } });
  const Config = `${hexOf(digestOf(config))}.json`;
  const manifest = [{ Config, RepoTags: [`${name}:latest`], Layers: ["layer.tar"] }];
  const archive = Bun.file(root);
  const header = tarOf([{ path: "layer.tar" }]).subarray(0, 512);
  const sink = Bun.file(path).writer();
  sink.write(withoutEnd({ path: Config, content: config }));
  sink.write(withoutEnd({ path: "manifest.json", content: JSON.stringify(manifest) }));
  sink.write(sized(Buffer.from(header), archive.size));
  for await (const piece of archive.stream()) {
    sink.write(piece);
    await sink.flush();
  }
  sink.write(END);
  await sink.end();
}

/** A header with another size, and the checksum of that. The root's own length is a multiple of a block. */
function sized(header: Buffer, size: number): Buffer {
  header.write(size.toString(8).padStart(11, "0"), 124);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** Images of nothing that differ in a label. */
async function listing(pairs: (Client & { engine: Engine })[], rounds: number): Promise<Table> {
  const input = imagesOfNothing();
  for (const engine of new Set(pairs.map((pair) => pair.engine)))
    await engine.output("docker", ["load", "-q"], { input, timeout: 120_000 });
  const cases = pairs.map(
    ({ name, path, engine }): Case => ({
      name,
      once: () => timed(path, ["images"], engine),
    }),
  );
  return {
    title: `\`images\` with ${IMAGES} images`,
    unit: "ms",
    rows: (await measure(cases, rounds * 3, { warmUp: 3 })).map(rowOf),
  };
}

/** One archive of them all, with one layer. */
function imagesOfNothing(): Uint8Array {
  const layer = tarOf([]);
  const configs = Array.from({ length: IMAGES }, (_, n) =>
    configOf({ layer: digestOf(layer), config: { Labels: { n: String(n) } } }),
  );
  const nameOf = (config: string) => `${hexOf(digestOf(config))}.json`;
  const manifest = configs.map((config, n) => ({
    Config: nameOf(config),
    RepoTags: [`many${n}:latest`],
    Layers: ["layer.tar"],
  }));
  return tarOf([
    { path: "layer.tar", content: layer },
    ...configs.map((content) => ({ path: nameOf(content), content })),
    { path: "manifest.json", content: JSON.stringify(manifest) },
  ]);
}

function configOf({ layer, config }: { layer: Digest; config: object }): string {
  return JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : "arm64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [layer] },
    history: [{ created_by: "bench" }],
  });
}

/** After all of the above. */
async function memory(fathom: Engine): Promise<Table> {
  const status = await readFile(`/proc/${fathom.pid}/status`, "utf8");
  const peak = Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0);
  return {
    title: "the most memory that the engine ever held meanwhile",
    unit: "kB",
    rows: [{ name: "fathom", value: peak }],
  };
}
