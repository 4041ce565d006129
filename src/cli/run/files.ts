/** Variables and labels from flags and from files of them. */

import { messageOf } from "../../std/errors.ts";
import { CommandError } from "../errors.ts";

/** Variables of files, then of flags; a name alone passes our own value on, and is left out where we have none. */
export async function readEnvironment(files: readonly string[], flags: readonly string[]): Promise<string[]> {
  const lines = (await Promise.all(files.map((file) => readLines(file, "env file")))).flat();
  for (const flag of flags) {
    if (flag === "" || flag.startsWith("="))
      throw new CommandError(`invalid environment variable: ${flag}`, 125);
  }
  return [...lines, ...flags].flatMap((line) => {
    if (line.includes("=")) return [line];
    const value = process.env[line];
    return value === undefined ? [] : [`${line}=${value}`];
  });
}

/** Labels of files, then of flags, as `key=value` lines. A line of a file that is a name alone is left out, as by the docker command. */
export async function readLabels(files: readonly string[], flags: readonly string[]): Promise<string[]> {
  const lines = (await Promise.all(files.map((file) => readLines(file, "label file")))).flat();
  return [...lines.filter((line) => line.includes("=")), ...flags];
}

/** Lines of a file without comments and empty ones. Throws CommandError as docker words it. */
async function readLines(path: string, what: string): Promise<string[]> {
  const lines = (await readText(path, what)).replace(/^\uFEFF/, "").split(/\r?\n/);
  return lines
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const name = line.split("=", 1)[0] ?? "";
      if (name === "")
        throw new CommandError(`invalid ${what} (${path}): no variable name on line '${line}'`, 125);
      if (/\s/.test(name))
        throw new CommandError(`invalid ${what} (${path}): variable '${name}' contains whitespaces`, 125);
      return line;
    });
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await Bun.file(path).text();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT")
      throw new CommandError(`open ${path}: no such file or directory`, 125, { cause: error });
    if (code === "EISDIR")
      throw new CommandError(`invalid ${what} (${path}): read ${path}: is a directory`, 125, {
        cause: error,
      });
    throw new CommandError(`invalid ${what} (${path}): ${messageOf(error)}`, 125, { cause: error });
  }
}
