import { describe, expect, test } from "bun:test";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { breaches, cycles, importsOf, MOST_LINES, pathsNamed, type Tree } from "./architecture.ts";

const ROOT = join(import.meta.dir, "..");
const DOOR = "/** What it owns. */\n";

/** A small tree with the doors that it needs. */
function tree(files: Record<string, string>): Tree {
  const folders = Object.keys(files).flatMap((path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? []);
  const doors = folders.map((folder): [string, string] => [`src/${folder}/mod.ts`, DOOR]);
  return new Map([...doors, ...Object.entries(files)]);
}

async function sources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of ["src", "test", "bench"]) {
    const entries = await readdir(join(ROOT, folder), { recursive: true }).catch(() => []);
    for (const path of entries.filter((entry) => entry.endsWith(".ts"))) {
      found.set(`${folder}/${path}`, await readFile(join(ROOT, folder, path), "utf8"));
    }
  }
  return found;
}

describe("the sources", () => {
  test("keep every rule", async () => {
    const files = await sources();
    expect(files.size).toBeGreaterThan(20);
    expect(files.has("src/kernel/mod.ts")).toBe(true);
    expect(breaches(files)).toEqual([]);
  });

  test.each([
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "docs/run.md",
    "docs/on-disk.md",
    "docs/glossary.md",
  ])("exist where %s names them", async (name) => {
    const text = await readFile(join(ROOT, name), "utf8").catch(() => "");
    const missing: string[] = [];
    for (const path of pathsNamed(text)) await access(join(ROOT, path)).catch(() => missing.push(path));
    expect(missing).toEqual([]);
  });
});

describe("the check", () => {
  const one = (path: string, text: string, others: Record<string, string> = {}) =>
    breaches(tree({ [path]: text, ...others }));

  test("finds imports of every form, and none in comments", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../kernel/b.ts";',
      'import {\n  c,\n  d,\n} from "./c.ts";',
      'export * from "./e.ts";',
      'import "./f.ts";',
      'const g = await import("./g.ts");',
      'type H = import("./h.ts").H;',
      '// import { no } from "./no.ts";',
      ' * import { no } from "./no.ts";',
    ].join("\n");
    const names = importsOf("src/cli/x.ts", text).map(({ to }) => to);
    expect(names.sort()).toEqual(
      [
        "src/cli/a.ts",
        "src/cli/c.ts",
        "src/cli/e.ts",
        "src/cli/f.ts",
        "src/cli/g.ts",
        "src/cli/h.ts",
        "src/kernel/b.ts",
      ].sort(),
    );
  });

  test("accepts what the table permits", () => {
    const text = 'import type { Step } from "../spec/receipt.ts";\nimport { x } from "../kernel/mod.ts";';
    expect(one("src/image/x.ts", text, { "src/spec/receipt.ts": "", "src/kernel/mod.ts": DOOR })).toEqual([]);
  });

  test("refuses an import past the table, a type or a dynamic one as well", () => {
    for (const text of [
      'import { a } from "../image/a.ts";',
      'import type { A } from "../image/a.ts";',
      'const a = await import("../image/a.ts");',
    ])
      expect(one("src/network/x.ts", text, { "src/image/a.ts": "" })).toEqual([
        "src/network/x.ts imports src/image/a.ts: network may not import image",
      ]);
  });

  test("lets a container import the handle of a shim, and nothing else of the shim", () => {
    const shim = { "src/shim/handle.ts": "", "src/shim/pty.ts": "" };
    expect(one("src/container/x.ts", 'import { c } from "../shim/handle.ts";', shim)).toEqual([]);
    expect(one("src/container/x.ts", 'import { p } from "../shim/pty.ts";', shim)).toHaveLength(1);
  });

  test("refuses a folder that the table does not know", () => {
    const found = one("src/stuff/x.ts", 'import { a } from "../std/a.ts";', { "src/std/a.ts": "" });
    expect(found).toEqual(["src/stuff/x.ts: the folder stuff has no row in the import table"]);
  });

  test("refuses another folder's private file, also from a test", () => {
    const files = {
      "src/kernel/_memory.ts": "",
      "test/a.test.ts": 'import { m } from "../src/kernel/_memory.ts";',
    };
    expect(breaches(tree(files))).toEqual([
      "test/a.test.ts imports src/kernel/_memory.ts, which is private to its folder",
    ]);
  });

  test("lets a folder import its own private files", () => {
    const files = { "src/kernel/_memory.ts": "", "src/kernel/a.ts": 'import { m } from "./_memory.ts";' };
    expect(breaches(tree(files))).toEqual([]);
  });

  test("finds a cycle once, and through types", () => {
    const files = {
      "src/std/a.ts": 'import { b } from "./b.ts";',
      "src/std/b.ts": 'import type { C } from "./c.ts";',
      "src/std/c.ts": 'import { a } from "./a.ts";',
    };
    expect(breaches(tree(files))).toEqual(["cycle: src/std/a.ts -> src/std/b.ts -> src/std/c.ts"]);
    expect(
      cycles([
        { from: "a", to: "b" },
        { from: "a", to: "c" },
        { from: "b", to: "c" },
      ]),
    ).toEqual([]);
  });

  test("refuses a builtin without its prefix", () => {
    expect(one("src/std/a.ts", 'import { join } from "path";')).toEqual([
      "src/std/a.ts imports path without node:",
    ]);
  });

  test("keeps machine code and processes to the kernel folder", () => {
    expect(one("src/image/a.ts", 'import { dlopen } from "bun:ffi";')).toHaveLength(1);
    expect(one("src/image/a.ts", 'import { spawn } from "node:child_process";')).toHaveLength(1);
    expect(one("src/image/a.ts", "const child = Bun.spawn([]);")).toEqual([
      "src/image/a.ts starts a process past kernel/",
    ]);
    expect(one("src/kernel/a.ts", 'import { dlopen } from "bun:ffi";')).toEqual([]);
  });

  test("refuses an import by a computed name, which it could not follow", () => {
    expect(one("src/cli/a.ts", "await import(name);")).toEqual([
      "src/cli/a.ts imports a module by a computed name",
    ]);
  });

  test("refuses an import of a file that is not there", () => {
    expect(one("src/cli/a.ts", 'import { b } from "./b.ts";')).toEqual([
      "src/cli/a.ts imports src/cli/b.ts, which does not exist",
    ]);
  });

  test("wants a door with a header, and a short one", () => {
    expect(breaches(new Map([["src/logs/a.ts", ""]]))).toEqual(["src/logs has no mod.ts"]);
    expect(breaches(new Map([["src/logs/mod.ts", "export {};"]]))).toHaveLength(1);
    const long = `/**\n${" * line\n".repeat(40)} */\n`;
    expect(breaches(new Map([["src/logs/mod.ts", long]]))).toEqual([
      "src/logs/mod.ts has a header of 42 lines, more than 40",
    ]);
  });

  test("refuses a file that is too long", () => {
    expect(one("src/std/a.ts", "x\n".repeat(MOST_LINES))).toEqual([]);
    expect(one("src/std/a.ts", "x\n".repeat(MOST_LINES + 1))).toHaveLength(1);
  });

  test("reads the paths that a document names", () => {
    expect(pathsNamed("see `src/kernel/mod.ts`, `test/`, `npm test` and `src/<folder>/mod.ts`")).toEqual([
      "src/kernel/mod.ts",
      "test/",
    ]);
  });
});
