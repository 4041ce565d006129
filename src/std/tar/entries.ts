/**
 * The entries of an archive one after another, each with its content as a stream: for readers that wait between pieces, as the
 * sink of `tarReader` cannot.
 *
 * Example:
 *
 *     for await (const { entry, content } of tarEntries(stream))
 *       if (entry.type === "file") for await (const piece of content) await write(piece);
 */

import { FathomError } from "../errors.ts";
import { type TarEntry, tarNameText } from "./entry.ts";
import { tarReader } from "./reader.ts";

export interface ArchiveEntry {
  entry: TarEntry;
  /** Its bytes, to be read before the next entry is asked for; what nobody reads is passed over. */
  content: AsyncIterable<Uint8Array>;
}

type Part =
  | { kind: "entry"; entry: TarEntry }
  | { kind: "data"; bytes: Uint8Array; offset: number }
  | { kind: "end" };

/**
 * @param archive its chunks are handed on in pieces, and must not be changed afterwards
 * @throws {FathomError} invalid, when the archive is damaged, cut short, or has a file with holes
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry, void> {
  const chunks = archive[Symbol.asyncIterator]();
  const next = partsOf(chunks);
  try {
    for (let part = await next(); part !== undefined; part = await next())
      if (part.kind === "entry") yield { entry: part.entry, content: contentOf(part.entry, next) };
  } finally {
    await chunks.return?.();
  }
}

/** What the reader tells of a chunk is held until it is asked for: a chunk's worth at the most. */
function partsOf(chunks: AsyncIterator<Uint8Array>): () => Promise<Part | undefined> {
  const parts: Part[] = [];
  let at = 0;
  let ended = false;
  const reader = tarReader({
    entry: (entry) => parts.push({ kind: "entry", entry }),
    data: (bytes, offset) => parts.push({ kind: "data", bytes, offset }),
    end: () => parts.push({ kind: "end" }),
  });
  return async () => {
    while (at === parts.length) {
      if (ended) return undefined;
      parts.length = 0;
      at = 0;
      const chunk = await chunks.next();
      ended = chunk.done === true;
      if (chunk.done === true) reader.finish();
      else reader.push(chunk.value);
    }
    at += 1;
    return parts[at - 1];
  };
}

async function* contentOf(
  entry: TarEntry,
  next: () => Promise<Part | undefined>,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for (let part = await next(); part?.kind === "data"; part = await next()) {
    if (part.offset !== length) throw holes(entry);
    length += part.bytes.length;
    yield part.bytes;
  }
  if (length !== entry.size) throw holes(entry);
}

function holes({ path }: TarEntry): FathomError {
  const name = JSON.stringify(tarNameText(path));
  return new FathomError("invalid", `the archive's entry ${name} is a sparse file, which has no place in it`);
}
