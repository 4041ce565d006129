/** `fathom daemon squash WISHES`: the filter that `fathom squash` is without an image. It reads and writes standard streams, and serves nobody. */

import { squashArchive } from "../image/squash_archive.ts";
import { codeOf } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";

/** What a shell sees of a program that SIGPIPE ended. */
const BROKEN_PIPE = 141;

/** @param wishes JSON, from the command line's own process */
export async function squashStreams(wishes: string): Promise<number> {
  const { from, tag } = JSON.parse(wishes) as { from?: string; tag?: string };
  const out = Bun.stdout.writer({ highWaterMark: 1024 * 1024 });
  try {
    for await (const piece of squashArchive(Bun.stdin.stream(), { from, reference: tag })) {
      out.write(piece);
      await out.flush();
    }
    await out.end();
    return 0;
  } catch (error) {
    if (codeOf(error) === "EPIPE") return BROKEN_PIPE;
    process.stderr.write(`squash: ${messageOf(error)}\n`);
    return 1;
  }
}
