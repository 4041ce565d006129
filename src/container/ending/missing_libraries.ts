/** Shared libraries that a dynamic loader did not find, by its own words. Pure. */

/** With this a loader ends where a library is missing: ld.so(8), and musl's. */
export const NOT_LOADED = 127;

/** glibc: `PROGRAM: error while loading shared libraries: LIBRARY: cannot open shared object file: No such file …`. */
const GLIBC =
  /^(?<program>.+): error while loading shared libraries: (?<library>[^\s:]+): cannot open shared object file: No such file/;
/** musl: `Error loading shared library LIBRARY: No such file … (needed by PROGRAM)`, one for each of them. */
const MUSL =
  /^Error loading shared library (?<library>[^\s:]+): No such file.* \(needed by (?<program>.+)\)$/;

/** A sentence for each library that lines of a program's output name. */
export function missingLibraries(lines: readonly string[]): string[] {
  const sentences = lines.flatMap((line) => {
    const { program, library } = (GLIBC.exec(line) ?? MUSL.exec(line))?.groups ?? {};
    if (program === undefined || library === undefined) return [];
    return [
      `The dynamic loader says that it did not find the shared library ${library}, which ${program} needs: have the image bring it.`,
    ];
  });
  return [...new Set(sentences)];
}
