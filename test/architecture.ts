/** The rules between files, as pure checks on their texts: who imports whom, which door is used, and how long a file is. */

import { dirname, join } from "node:path/posix";

/** Texts by path from the repository's root. */
export type Tree = ReadonlyMap<string, string>;

interface Import {
  from: string;
  /** A path from the repository's root for a relative import, else the module's name. */
  to: string;
}

/** What a folder of src/ may import besides itself. DESIGN's table; type-only imports count like others. */
const BASE = ["std", "spec"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  std: [],
  spec: ["std"],
  kernel: BASE,
  registry: BASE,
  logs: BASE,
  explain: BASE,
  image: [...BASE, "kernel"],
  dns: [...BASE, "kernel"],
  network: [...BASE, "kernel", "src/dns/contract.ts"],
  volume: [...BASE, "kernel"],
  runtime: [...BASE, "kernel"],
  shim: [...BASE, "runtime", "logs", "dns", "kernel"],
  container: [...BASE, "image", "network", "volume", "logs", "src/shim/handle.ts", "src/shim/protocol.ts"],
  build: [...BASE, "image"],
  api: BASE,
  cli: BASE,
  daemon: [
    ...BASE,
    ...[
      "api",
      "build",
      "container",
      "explain",
      "image",
      "kernel",
      "logs",
      "network",
      "registry",
      "shim",
      "volume",
    ],
  ],
  // main.ts itself, which has no folder.
  src: ["src/cli/mod.ts", "src/daemon/mod.ts", "src/runtime/command/main.ts", "src/shim/main.ts"],
};

/** Folders of independent files, each its own door. */
const WITHOUT_DOOR = new Set(["std", "spec", "src"]);

/** Modules that reach past this process, and who may use them. The daemon and the shims are processes the kernel folder makes. */
const RESERVED: readonly { name: RegExp; folders: readonly string[] }[] = [
  { name: /^bun:ffi$/, folders: ["kernel"] },
  { name: /^(node:)?(child_process|cluster)$/, folders: ["kernel", "cli"] },
];
const SPAWN = /\bBun\.spawn(Sync)?\b|\bBun\.\$/;

const BUILTINS = new Set(
  "assert buffer child_process cluster console crypto dgram dns events fs http http2 https module net os path perf_hooks process readline stream string_decoder timers tls tty url util v8 vm worker_threads zlib async_hooks".split(
    " ",
  ),
);

export const MOST_LINES = 400;
const MOST_HEADER_LINES = 40;

/** Every breach of the rules, as sentences; empty for a tree that keeps them. */
export function breaches(tree: Tree): string[] {
  const imports = [...tree].flatMap(([path, text]) => importsOf(path, text));
  return [
    ...imports.flatMap((one) => tableBreach(one)),
    ...imports.flatMap((one) => privateBreach(one)),
    ...imports.flatMap((one) => moduleBreach(one)),
    ...imports.flatMap((one) => missingBreach(one, tree)),
    ...cycles(imports),
    ...[...tree].flatMap(([path, text]) => fileBreaches(path, text)),
    ...doorBreaches(tree),
  ];
}

/** Static, re-exporting, side-effect, dynamic and type imports alike. Comments do not count. */
export function importsOf(path: string, text: string): Import[] {
  const code = withoutComments(text);
  const patterns = [
    /^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g,
  ];
  const names = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ""));
  return names.map((name) => ({ from: path, to: name.startsWith(".") ? join(dirname(path), name) : name }));
}

function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .join("\n");
}

/** `kernel` for src/kernel/x.ts, `src` for src/main.ts, `test` for what lies outside src. */
function folderOf(path: string): string {
  const parts = path.split("/");
  if (parts[0] !== "src") return parts[0] ?? "";
  return parts.length > 2 ? (parts[1] ?? "") : "src";
}

function tableBreach({ from, to }: Import): string[] {
  if (!from.startsWith("src/") || !to.startsWith("src/")) return [];
  const [folder, target] = [folderOf(from), folderOf(to)];
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${from}: the folder ${folder} has no row in the import table`];
  if (folder === target || allowed.includes(target) || allowed.includes(to)) return [];
  return [`${from} imports ${to}: ${folder} may not import ${target}`];
}

/** A private file is for the folder it lies in, and the folders below. */
function privateBreach({ from, to }: Import): string[] {
  if (!/\/_[^/]*$/.test(to) || !to.startsWith("src/")) return [];
  return from.startsWith(`${dirname(to)}/`) ? [] : [`${from} imports ${to}, which is private to its folder`];
}

function moduleBreach({ from, to }: Import): string[] {
  if (BUILTINS.has(to.split("/")[0] ?? "") && !to.startsWith("src/"))
    return [`${from} imports ${to} without node:`];
  if (!from.startsWith("src/") || from.endsWith(".test.ts")) return [];
  return RESERVED.filter(({ name, folders }) => name.test(to) && !folders.includes(folderOf(from))).map(
    ({ folders }) => `${from} imports ${to}, which is only for ${folders.join(" and ")}`,
  );
}

function missingBreach({ from, to }: Import, tree: Tree): string[] {
  if (!to.startsWith("src/") || tree.has(to) || !to.endsWith(".ts")) return [];
  return [`${from} imports ${to}, which does not exist`];
}

/** Each cycle once, from the file that comes first in the alphabet. */
export function cycles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const found = new Set<string>();
  const finished = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) found.add(turned(trail.slice(start)).join(" -> "));
    if (start >= 0 || finished.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
    finished.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return [...found].map((cycle) => `cycle: ${cycle}`);
}

function turned(cycle: readonly string[]): string[] {
  const first = cycle.indexOf([...cycle].sort()[0] ?? "");
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}

function fileBreaches(path: string, text: string): string[] {
  const lines = text.trimEnd().split("\n").length;
  const found: string[] = [];
  if (lines > MOST_LINES && !path.endsWith(".test.ts"))
    found.push(`${path} has ${lines} lines, more than ${MOST_LINES}`);
  if (!path.startsWith("src/") || path.endsWith(".test.ts")) return found;
  if (SPAWN.test(withoutComments(text)) && !["kernel", "cli"].includes(folderOf(path)))
    found.push(`${path} starts a process past kernel/`);
  if (/(?:\bawait|\breturn|=>?)\s*import\s*\(\s*[^"'\s)]/.test(withoutComments(text)))
    found.push(`${path} imports a module by a computed name`);
  return found;
}

function doorBreaches(tree: Tree): string[] {
  const folders = new Set([...tree.keys()].filter((path) => path.startsWith("src/")).map(folderOf));
  return [...folders]
    .filter((folder) => !WITHOUT_DOOR.has(folder))
    .flatMap((folder) => doorBreach(folder, tree));
}

function doorBreach(folder: string, tree: Tree): string[] {
  const path = `src/${folder}/mod.ts`;
  const text = tree.get(path);
  if (text === undefined) return [`src/${folder} has no mod.ts`];
  const header = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0];
  if (header === undefined) return [`${path} does not begin with a comment that says what the folder owns`];
  const lines = header.split("\n").length;
  return lines > MOST_HEADER_LINES
    ? [`${path} has a header of ${lines} lines, more than ${MOST_HEADER_LINES}`]
    : [];
}

/** Paths of the repository that a document names in backquotes: `src/kernel/mod.ts`, `test/`. */
export function pathsNamed(markdown: string): string[] {
  const quoted = [...markdown.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? "");
  return quoted.filter((text) => /^(src|test|bench|docs|scripts)\//.test(text) && !/[<>*{}…]/.test(text));
}
