/**
 * Fuzzing of what reads input from outside: tar archives, the documents of images, references. From small seeds that are right, changed at
 * random; whatever comes of it, the reader ends with a result or with a sentence, and within its bounds.
 *
 * A run is the same for the same seed, which a failure names: `bun scripts/fuzz.ts --seed N --rounds 1`.
 */

import { parseReference } from "../spec/reference.ts";
import { kindOf } from "../std/errors.ts";
import { tarReader } from "../std/tar/reader.ts";
import { readConfig, readDockerManifests, readIndexOrManifest } from "./_documents.ts";
import { tarOf } from "./_fixtures.ts";
import { configOf, dockerArchive, layerOf, ociLayout } from "./_image_archives.ts";

/** What is fuzzed: seeds that are right, and the reader. */
interface Target {
  name: string;
  seeds: readonly Uint8Array[];
  read: (input: Uint8Array) => void;
}

export interface FuzzFailure {
  target: string;
  seed: number;
  error: unknown;
  input: Uint8Array;
}

const layer = layerOf("content");
const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const layout = ociLayout();

const TARGETS: readonly Target[] = [
  {
    name: "tar",
    seeds: [
      tarOf(
        { name: "d/", type: "5" },
        { name: "d/f", content: "x".repeat(700) },
        { name: "l", type: "2", link: "d" },
      ),
      tarOf({
        name: "p",
        pax: { path: "long/name", uid: "70000", "SCHILY.xattr.user.a": "b" },
        content: "y",
      }),
      tarOf({
        name: "s",
        content: "0123456789",
        pax: { "GNU.sparse.map": "0,4,100,6", "GNU.sparse.size": "200" },
      }),
      dockerArchive([{ config: configOf([layer]), layers: [layer], tags: ["a:1"] }]),
    ],
    read: (input) => {
      const reader = tarReader({ entry: () => undefined, data: () => undefined, end: () => undefined });
      reader.push(input);
      reader.finish();
    },
  },
  {
    name: "manifest.json",
    seeds: [
      text([{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] }]),
      text([{ Config: "", RepoTags: null }]),
    ],
    read: (input) => void readDockerManifests("manifest.json", input),
  },
  {
    name: "index or manifest",
    seeds: [
      text({ schemaVersion: 2, manifests: [layout.image(configOf([layer]), [layer])] }),
      text({ config: layout.add("{}", "c"), layers: [layout.add("x", "l")], annotations: { a: "b" } }),
    ],
    read: (input) => void readIndexOrManifest("index.json", input),
  },
  {
    name: "configuration",
    seeds: [Buffer.from(configOf([layer, layer], { parent: "x", author: "y" }))],
    read: (input) => void readConfig("config", input),
  },
  {
    name: "reference",
    seeds: [
      "alpine",
      "quay.io:443/a/b_c:1.0-x",
      `localhost/a@sha256:${"a".repeat(64)}`,
      "[::1]:5000/x:y",
    ].map((name) => Buffer.from(name)),
    read: (input) => void parseReference(Buffer.from(input).toString()),
  },
];

/** Kinds that say that the input is at fault. */
const REFUSALS: ReadonlySet<string> = new Set(["invalid", "unsupported"]);

/** Fuzzes every target so many rounds; gives the first failure of each. */
export function fuzz({ seed, rounds }: { seed: number; rounds: number }): FuzzFailure[] {
  return TARGETS.flatMap((target) => {
    for (let round = 0; round < rounds; round += 1) {
      const input = changed(target.seeds, seed + round);
      try {
        target.read(input);
      } catch (error) {
        if (!REFUSALS.has(kindOf(error))) return [{ target: target.name, seed: seed + round, error, input }];
      }
    }
    return [];
  });
}

/** The same numbers for the same seed (mulberry32). */
function numbersOf(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Bytes that mean something to one of the readers. */
const TELLING = Buffer.from('\0\x01\x7f\x80\xff/.:@"\\[]{},0179 -\n', "latin1");

/** A seed with a few bytes changed, a piece taken out, doubled, or cut off; half of the archives with their checksums put right. */
function changed(seeds: readonly Uint8Array[], seed: number): Uint8Array {
  const next = numbersOf(seed);
  let bytes: Buffer = Buffer.from(seeds[next(seeds.length)] ?? []);
  for (let change = next(6) + 1; change > 0; change -= 1) {
    const at = next(bytes.length);
    const to = Math.min(at + next(64), bytes.length);
    const how = next(10);
    if (how < 6) bytes[at] = how < 3 ? (TELLING[next(TELLING.length)] ?? 0) : next(256);
    else if (how === 6) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    else if (how === 7) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    else if (how === 8) bytes = bytes.subarray(0, at + 1);
    else
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(next(300), bytes[at]), bytes.subarray(at)]);
  }
  if (next(2) === 0) for (let at = 0; at + 512 <= bytes.length; at += 512) seal(bytes.subarray(at, at + 512));
  return bytes;
}

/** Puts the checksum of a header block right; of any other block that only looks like one, too. */
function seal(block: Buffer): void {
  if (block.toString("latin1", 257, 262) !== "ustar") return;
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}
