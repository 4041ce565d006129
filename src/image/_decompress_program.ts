/** What neither Bun nor Node decompresses: programs of the host do. */

import { type Program, spawnProgram } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

/** The Debian package that each program is in. */
const PACKAGES = { xz: "xz-utils", bzip2: "bzip2" } as const;

/** @throws {FathomError} unsupported, where the program is not installed; invalid, when the stream is damaged or cut short */
export async function* decompressedBy(
  name: keyof typeof PACKAGES,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const path = Bun.which(name);
  if (path === null) {
    throw new FathomError(
      "unsupported",
      `the archive is compressed with ${name}, and the program ${name} is not installed: install the package ${PACKAGES[name]}, or use plain tar, gzip or zstd`,
    );
  }
  const program = spawnProgram([path, "-dc"], { stdio: ["pipe", "pipe", "ignore"], env: {} });
  let failure: unknown;
  const fed = feed(program, source).catch((error: unknown) => {
    failure = error;
  });
  try {
    for await (const piece of program.stdout ?? []) yield piece;
    await fed;
    if (failure !== undefined) throw failure;
    if ((await program.exited) !== 0)
      throw new FathomError("invalid", `the archive's ${name} stream is damaged or cut short`);
  } finally {
    program.kill(9);
    await program.exited;
    await fed;
  }
}

async function feed(program: Program, source: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const piece of source) if (!(await program.write(piece))) return;
  } finally {
    await program.endInput();
  }
}
