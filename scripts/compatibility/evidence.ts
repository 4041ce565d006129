/** Which tests show what: found in the tests' own text, by the request or the command line that they make. */

import { join } from "node:path";
import type { Command, Endpoint, Flag } from "./ours.ts";
import { compare, GLOBAL } from "./ours.ts";
import VERBS from "./verbs.json" with { type: "json" };

const ROOT = join(import.meta.dir, "../..");
export interface TestFile {
  path: string;
  text: string;
}

/** Real clients first, then tests that cross processes, then those of a part. */
const FOLDERS = ["test/conformance/", "test/integration/", "src/"];

export async function readTests(): Promise<TestFile[]> {
  const paths = [...new Bun.Glob("{src,test}/**/*.test.ts").scanSync(ROOT)];
  const rank = (path: string) => FOLDERS.findIndex((folder) => path.startsWith(folder));
  const sorted = paths.filter((path) => rank(path) >= 0).sort((a, b) => rank(a) - rank(b) || compare(a, b));
  return Promise.all(sorted.map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })));
}

/** Tests that make the request, or give the command that is nothing but this request. */
export function testsOfEndpoint(tests: readonly TestFile[], { method, path }: Endpoint): string[] {
  const pattern = path.replace(/[.]/g, "\\.").replace(/\{[^}]*\}/g, "[^?\"'`\\s]+?");
  const request = new RegExp(
    `(?:["'\`]${method}["'\`],\\s*["'\`]|\\b${method} )(?:/v[\\d.]+)?${pattern}(?=["'\`?\\s])`,
  );
  const verbs = (VERBS as Record<string, string[]>)[`${method} ${path}`] ?? [];
  return matching(tests, [request, ...verbs.map((verb) => new RegExp(typed(verb)))]);
}

/** Helpers of the tests that stand for a command. */
const HELPERS: Readonly<Record<string, string>> = {
  run: "|\\b(?:runs|started)\\(",
  create: "|\\bcreated\\(",
  "network create": '|\\bnetworkMade\\(|\\[\\["create",',
  doctor: '|"doctor",|\\bdoctor\\(',
  fsck: "|\\bfsck\\(",
  whois: "|\\bwhois\\(",
};

/** The command as a test gives it: `["volume", "ls"`, `docker("ps"`, or by a helper. */
function typed(name: string): string {
  const words = name.split(" ").map((word) => `"${word}"`);
  return `(?:(?:\\[|\\(|"docker", |"fathom", |\\.\\.\\.\\w+, )${words.join(",\\s*")}${HELPERS[name] ?? ""})`;
}

/** So far behind the command's name, and in the same statement. */
const REACH = 400;

/** Tests that give the command this flag, by its long name or its letter. */
export function testsOfFlag(tests: readonly TestFile[], command: Command, flag: Flag): string[] {
  const long = `["'\`]--${flag.name}(?:["'\`=])`;
  // The -c of `sh -c` and the like is not ours.
  const letter = flag.short && `(?<!"(?:sh|head|tail)",\\s*)"-[a-zA-Z]*${flag.short}(?![a-z-]{2})`;
  const given = letter ? `(?:${long}|${letter})` : long;
  if (command.name === GLOBAL) return matching(tests, [new RegExp(long), new RegExp(`"-${flag.short}"`)]);
  // The two have one table of flags: what shows one shows the other.
  const all = command.name === "create" ? [...command.names, "run"] : command.names;
  const names = all.map(typed).join("|");
  const patterns = [
    new RegExp(`(?:${names})[^;]{0,${REACH}}?${given}`),
    ...all.map((name) => inScript(name, flag)),
  ];
  // These names are of `run` and `create` alone; tests of how they are read give them without the command.
  if (["run", "create"].includes(command.name)) patterns.push(new RegExp(`${long}`));
  return matching(tests, patterns);
}

/** The same in a script for a shell. */
function inScript(name: string, { name: long, short }: Flag): RegExp {
  return new RegExp(
    `\\b(?:fathom|docker) ${name} (?:[^;|\n]* )?(?:--${long}\\b${short ? `|-[a-zA-Z]*${short}\\b` : ""})`,
  );
}

function matching(tests: readonly TestFile[], patterns: readonly RegExp[]): string[] {
  return tests.filter(({ text }) => patterns.some((pattern) => pattern.test(text))).map(({ path }) => path);
}
