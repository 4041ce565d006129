/** Asks the daemon to pull an image and shows how it goes. */

import type { Context } from "./command.ts";
import { CommandError } from "./errors.ts";
import { printError } from "./output.ts";
import { type NameAndTag, splitTag } from "./reference.ts";

/** One line of a streamed answer. */
interface Progress {
  id?: string;
  status?: string;
  progressDetail?: { current?: number };
  error?: string;
}

/** Pulls; progress goes to standard error. Throws CommandError with the daemon's words. */
export async function pullImage(
  { client }: Context,
  image: string,
  options: { platform: string | undefined; quiet: boolean },
): Promise<void> {
  const { name, tag } = splitReference(image);
  const reply = await client.send("POST", "/images/create", {
    query: { fromImage: name, tag, platform: options.platform },
  });
  for await (const line of jsonLines<Progress>(reply.body)) {
    if (line.error) throw new CommandError(line.error, 125);
    // Bars are for terminals that redraw; each state is told once.
    if (!options.quiet && line.status && line.progressDetail?.current === undefined) {
      printError(`${line.id ? `${line.id}: ` : ""}${line.status}\n`);
    }
  }
}

/** What to pull: `latest` where nothing is said. A digest takes the tag's place. */
function splitReference(image: string): NameAndTag {
  const [, digestName, digest] = /^(.*)@(.*)$/.exec(image) ?? [];
  if (digestName !== undefined && digest !== undefined) return { name: digestName, tag: digest };
  const { name, tag } = splitTag(image);
  return { name, tag: tag || "latest" };
}

/** Values of a stream with one JSON value a line. */
export async function* jsonLines<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  for await (const text of jsonTexts(body)) yield JSON.parse(text);
}

/** The same, each value still as text. */
export async function* jsonTexts(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line.trimEnd();
  }
  if (rest.trim() !== "") yield rest;
}
