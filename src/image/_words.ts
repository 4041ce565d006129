/**
 * Words of a Dockerfile instruction: split as a shell would, quotes taken away, variables put in.
 *
 * Source: Dockerfile reference, "Environment replacement" and "Escape". Only `$NAME`, `${NAME}`, `${NAME:-word}` and
 * `${NAME:+word}` are known, as there.
 */

import { FathomError } from "../std/errors.ts";

/** Gives a variable's value; undefined where it is not set. */
export type Variables = (name: string) => string | undefined;

/** Splits at white space outside of quotes; quotes and backslashes stay for `unquote`. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === "\\" && quote !== "'") {
      word += text.slice(at, at + 2);
      at += 1;
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (char === quote) quote = "";
      else if (quote === "" && (char === '"' || char === "'")) quote = char;
      word += char;
    }
  }
  return word === "" ? words : [...words, word];
}

/** Takes quotes and backslashes away and puts variables in. @throws {FathomError} invalid */
export function unquote(word: string, variables: Variables): string {
  let result = "";
  let quoted = false;
  for (let at = 0; at < word.length; at += 1) {
    const char = word.charAt(at);
    if (char === '"') quoted = !quoted;
    else if (char === "'" && !quoted) {
      const end = word.indexOf("'", at + 1);
      if (end < 0) throw malformed("unexpected end of statement while looking for matching single-quote");
      result += word.slice(at + 1, end);
      at = end;
    } else if (char === "\\") {
      const next = word.charAt(at + 1);
      // Within double quotes a backslash is itself, but before what would mean something there.
      result += quoted && !/["$\\]/.test(next) ? char + next : next;
      at += 1;
    } else if (char === "$") {
      const { value, length } = variable(word.slice(at), variables);
      result += value;
      at += length - 1;
    } else result += char;
  }
  if (quoted) throw malformed("unexpected end of statement while looking for matching double-quote");
  return result;
}

const PLAIN = /^\$([A-Za-z_]\w*)/;
const BRACED = /^\$\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\}/;

function variable(text: string, variables: Variables): { value: string; length: number } {
  const plain = PLAIN.exec(text);
  if (plain !== null) return { value: variables(plain[1] ?? "") ?? "", length: plain[0].length };
  const braced = BRACED.exec(text);
  if (braced === null) {
    if (text.startsWith("${")) throw malformed(`unsupported substitution in ${JSON.stringify(text)}`);
    return { value: "$", length: 1 };
  }
  const [whole, name = "", operator, word = ""] = braced;
  const value = variables(name) ?? "";
  const alternative = unquote(word, variables);
  if (operator === "-") return { value: value === "" ? alternative : value, length: whole.length };
  if (operator === "+") return { value: value === "" ? "" : alternative, length: whole.length };
  return { value, length: whole.length };
}

function malformed(what: string): FathomError {
  return new FathomError("invalid", `failed to process the instruction: ${what}`);
}
