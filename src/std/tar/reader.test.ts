import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TarEntry, tarNameText } from "./entry.ts";
import { tarReader } from "./reader.ts";

/** An entry with its bytes as a plain value; holes read as zeros. */
interface Seen extends Omit<TarEntry, "path" | "linkPath"> {
  path: string;
  linkPath: string;
  content: Buffer;
  runs: [number, number][];
}

function read(archive: Uint8Array, chunk = archive.length): Seen[] {
  const seen: Seen[] = [];
  let current: Seen | undefined;
  const reader = tarReader({
    entry(entry) {
      const content = Buffer.alloc(entry.size);
      current = {
        ...entry,
        path: tarNameText(entry.path),
        linkPath: tarNameText(entry.linkPath),
        content,
        runs: [],
      };
      seen.push(current);
    },
    data(bytes, offset) {
      current?.content.set(bytes, offset);
      const last = current?.runs.at(-1);
      if (last !== undefined && last[0] + last[1] === offset) last[1] += bytes.length;
      else current?.runs.push([offset, bytes.length]);
    },
    end() {
      current = undefined;
    },
  });
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk));
  reader.finish();
  return seen;
}

interface Fields {
  name: string;
  type?: string;
  size?: number | Uint8Array;
  uid?: Uint8Array;
  link?: string;
  magic?: string;
  prefix?: string;
}

/** A header block made by hand. */
function header(fields: Fields): Buffer {
  const block = Buffer.alloc(512);
  const octal = (at: number, length: number, value: number) =>
    block.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  block.write(fields.name, 0, "latin1");
  octal(100, 8, 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  if (typeof fields.size === "object") block.set(fields.size, 124);
  else octal(124, 12, fields.size ?? 0);
  if (fields.uid !== undefined) block.set(fields.uid, 108);
  octal(136, 12, 0);
  block.write(fields.type ?? "0", 156, "latin1");
  block.write(fields.link ?? "", 157, "latin1");
  block.write(fields.magic ?? "ustar\0" + "00", 257, "latin1");
  block.write(fields.prefix ?? "", 345, "latin1");
  return sealed(block);
}

function sealed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padded(data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function pax(records: [string, string][], type = "x"): Buffer {
  const body = records
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest) + 1;
      while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
      return length + rest;
    })
    .join("");
  return Buffer.concat([header({ name: "PaxHeaders/x", type, size: Buffer.byteLength(body) }), padded(body)]);
}

const END = Buffer.alloc(1024);
const archive = (...parts: Uint8Array[]) => Buffer.concat([...parts, END]);

let root: string;
beforeAll(() => {
  root = mkdtempSync("/tmp/fathom-test-tar-");
});
afterAll(() => rmSync(root, { recursive: true }));

function gnuTar(directory: string, ...options: string[]): Buffer {
  return execFileSync("tar", ["-C", directory, "--sort=name", ...options, "-cf", "-", "."], {
    maxBuffer: 1 << 28,
  });
}

describe("what GNU tar writes", () => {
  const long = `${"d".repeat(150)}/${"n".repeat(180)}`;
  let tree: string;
  beforeAll(() => {
    tree = join(root, "tree");
    mkdirSync(join(tree, "d".repeat(150)), { recursive: true });
    writeFileSync(join(tree, long), "long");
    writeFileSync(join(tree, "plain"), "x".repeat(1000));
    utimesSync(join(tree, "plain"), 1, 1_234_567_890.5);
    linkSync(join(tree, "plain"), join(tree, "zlink"));
    symlinkSync("t".repeat(300), join(tree, "symlink"));
    const sparse = openSync(join(tree, "sparse"), "w");
    for (let index = 0; index < 30; index += 1) writeSync(sparse, "data", index * 1_000_000);
    ftruncateSync(sparse, 40_000_000);
    closeSync(sparse);
  });

  test.each([
    ["gnu", ["--format=gnu"]],
    ["posix", ["--format=posix"]],
  ])("in %s format is read whole, in chunks of any size", (_, options) => {
    const bytes = gnuTar(tree, "--exclude=sparse", ...options);
    const whole = read(bytes);
    const find = (path: string) => whole.find((entry) => entry.path === `./${path}`);
    expect(find(long)?.content.toString()).toBe("long");
    expect(find("symlink")?.linkPath).toBe("t".repeat(300));
    expect(find("symlink")?.type).toBe("symlink");
    expect(find("plain")?.content.length).toBe(1000);
    expect(find("zlink")).toMatchObject({ type: "link", linkPath: "./plain" });
    for (const size of [1, 7, 511, 513, 4096]) expect(read(bytes, size)).toEqual(whole);
  });

  test("in pax format keeps fractions of a second", () => {
    const plain = read(gnuTar(tree, "--format=posix")).find((entry) => entry.path === "./plain");
    expect(plain?.mtime).toBe(1_234_567_890_500_000_000n);
  });

  test.each([
    ["old GNU", ["--format=gnu"]],
    ["0.0", ["--format=posix", "--sparse-version=0.0"]],
    ["0.1", ["--format=posix", "--sparse-version=0.1"]],
    ["1.0", ["--format=posix", "--sparse-version=1.0"]],
  ])("of sparse files (%s) has their holes", (_, options) => {
    const bytes = gnuTar(tree, "-S", ...options);
    for (const chunk of [bytes.length, 513]) {
      const sparse = read(bytes, chunk).find((entry) => entry.path === "./sparse");
      expect(sparse?.size).toBe(40_000_000);
      expect(sparse?.runs.length).toBe(30);
      expect(sparse?.content.subarray(29_000_000, 29_000_004).toString()).toBe("data");
    }
  });
});

describe("numbers", () => {
  test("in base 256 go beyond octal", () => {
    const uid = Uint8Array.of(0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff);
    expect(read(archive(header({ name: "a", uid })))[0]?.uid).toBe(0x7fffffff);
  });

  test("that are negative are refused for owners", () => {
    expect(() => read(archive(header({ name: "a", uid: new Uint8Array(8).fill(0xff) })))).toThrow("negative");
  });

  test("beyond 2^53 are refused", () => {
    const size = new Uint8Array(12).fill(0xff);
    size[0] = 0x80;
    expect(() => read(archive(header({ name: "a", size })))).toThrow("too large");
  });
});

describe("pax records", () => {
  test("replace what the header says", () => {
    const [entry] = read(
      archive(
        pax([
          ["path", "é/ü"],
          ["uid", "70000"],
          ["gid", "4294967294"],
          ["mtime", "-1.5"],
          ["SCHILY.xattr.user.a", "b=c"],
        ]),
        header({ name: "short" }),
      ),
    );
    expect(entry).toMatchObject({ path: "é/ü", uid: 70000, gid: 4294967294, mtime: -1_500_000_000n });
    expect(Buffer.from(entry?.xattrs.get("user.a") ?? []).toString()).toBe("b=c");
  });

  test("that are global hold until they are replaced, others for one entry", () => {
    const entries = read(
      archive(
        pax([["uid", "7"]], "g"),
        header({ name: "a" }),
        pax([["uid", "8"]]),
        header({ name: "b" }),
        header({ name: "c" }),
      ),
    );
    expect(entries.map(({ uid }) => uid)).toEqual([7, 8, 7]);
  });

  test.each([["5 a=b\n"], ["x a=b\n"], ["99 a=b\n"], ["6 =ab\n"], ["6 a=bc"], ["0 a=b\n"], ["5 abc\n"]])(
    "%p is refused",
    (body) => {
      const bytes = archive(
        header({ name: "p", type: "x", size: body.length }),
        padded(body),
        header({ name: "a" }),
      );
      expect(() => read(bytes)).toThrow("pax record");
    },
  );

  test("with a NUL in a path are refused", () => {
    expect(() => read(archive(pax([["path", "a\0b"]]), header({ name: "a" })))).toThrow("NUL");
  });
});

describe("an archive", () => {
  test("of V7 has directories by their slash", () => {
    expect(read(archive(header({ name: "d/", type: "\0", magic: "" })))[0]?.type).toBe("directory");
  });

  test("of ustar joins prefix and name", () => {
    expect(read(archive(header({ name: "b", prefix: "a" })))[0]?.path).toBe("a/b");
  });

  test("that is empty has no entries, with and without its end", () => {
    expect(read(END)).toEqual([]);
    expect(read(Buffer.alloc(0))).toEqual([]);
  });

  test("without its end is whole, with anything behind its end too", () => {
    expect(read(header({ name: "a" })).length).toBe(1);
    expect(read(Buffer.concat([archive(header({ name: "a" })), Buffer.from("rubbish")])).length).toBe(1);
  });

  test("that is cut short is refused", () => {
    const bytes = Buffer.concat([header({ name: "a", size: 600 }), Buffer.alloc(1024)]);
    for (const length of [100, 512, 600, 1500]) {
      expect(() => read(bytes.subarray(0, length))).toThrow("unexpected EOF");
    }
  });

  test("whose header was changed is refused", () => {
    const block = header({ name: "a" });
    block[0] = 0x62;
    expect(() => read(archive(block))).toThrow("checksum");
  });

  test("with entries of an unknown type is refused, naming the entry", () => {
    expect(() => read(archive(header({ name: "vol", type: "M" })))).toThrow('entry "vol" is of type "M"');
  });

  test("cannot make the reader hold more than an extended header of 1 MiB", () => {
    expect(() => read(header({ name: "x", type: "x", size: 1 << 21 }))).toThrow("too large");
    expect(() => read(header({ name: "x", type: "L", size: 1 << 30 }))).toThrow("too large");
  });

  test("whose sparse map overlaps, goes back or leaves the file is refused", () => {
    for (const map of ["0,10,5,10", "10,5,0,5", "0,99", "0"]) {
      const records: [string, string][] = [
        ["GNU.sparse.size", "50"],
        ["GNU.sparse.map", map],
      ];
      expect(() => read(archive(pax(records), header({ name: "a", size: 20 }), Buffer.alloc(512)))).toThrow(
        "map of a sparse file",
      );
    }
  });
});

test("20,000 damaged archives are read or refused as invalid, never with another error", () => {
  const good = archive(
    pax([
      ["path", "long/name"],
      ["SCHILY.xattr.user.x", "y"],
      ["GNU.sparse.map", "0,4,100,6"],
      ["GNU.sparse.size", "200"],
    ]),
    header({ name: "s", size: 10 }),
    padded("0123456789"),
    header({ name: "l", type: "L", size: 5 }),
    padded("name\0"),
    header({ name: "f", size: 3 }),
    padded("abc"),
    header({ name: "h", type: "1", link: "f" }),
  );
  let random = 42;
  const next = (below: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((random / 2 ** 32) * below);
  };
  let refused = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(good);
    for (let change = next(4) + 1; change > 0; change -= 1) bytes[next(bytes.length)] = next(256);
    // Half of them get past the checksum.
    if (round % 2 === 0)
      for (const at of [0, 1024, 2048, 3072, 4096, 5120]) sealed(bytes.subarray(at, at + 512));
    try {
      read(bytes.subarray(0, round % 3 === 0 ? next(bytes.length) : bytes.length), next(700) + 1);
    } catch (error) {
      refused += 1;
      const kind = error instanceof Error && "kind" in error ? error.kind : error;
      if (kind !== "invalid" && kind !== "unsupported") throw error;
    }
  }
  expect(refused).toBeGreaterThan(5_000);
});
