/** Streamed answers: one JSON value a line. */

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
