/** The words of the command line: options, then the rest, as runc's and crun's commands take them. Pure. */

import { FathomError } from "../../std/errors.ts";

/** Names of options; those with `value` take one, `--name value` or `--name=value`. */
export type OptionTable = Readonly<Record<string, "value" | "flag">>;

export interface Words {
  /** By long name; a flag that was given is "true". */
  options: Readonly<Record<string, string>>;
  /** From the first word on that is no option. */
  rest: readonly string[];
}

const SHORT: Readonly<Record<string, string>> = {
  a: "all",
  b: "bundle",
  d: "detach",
  f: "force",
  h: "help",
  p: "process",
  t: "tty",
  v: "version",
};

/** @throws {FathomError} invalid, for an option that is none, or lacks its value. */
export function readWords(words: readonly string[], table: OptionTable): Words {
  const options: Record<string, string> = {};
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") return { options, rest: words.slice(at + 1) };
    const [, long, short, given] = /^-(?:-([^=]+)|([^-=]))(?:=(.*))?$/s.exec(word) ?? [];
    if (long === undefined && short === undefined) break;
    const name = long ?? SHORT[short ?? ""] ?? "";
    const kind = table[name];
    if (kind === undefined) throw new FathomError("invalid", `unknown option ${word}`);
    const value = kind === "flag" ? (given ?? "true") : (given ?? words[++at]);
    if (value === undefined) throw new FathomError("invalid", `the option ${word} needs a value`);
    options[name] = value;
  }
  return { options, rest: words.slice(at) };
}
