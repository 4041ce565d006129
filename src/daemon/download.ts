/** Downloads what is to be imported. */

import type { DownloadOptions } from "../api/routes/images.ts";
import { FathomError, messageOf } from "../std/errors.ts";

/** Milliseconds between two lines about how far it is. */
const INTERVAL = 200;

/** @throws {FathomError} invalid, for another address than of http or https; unavailable, when nothing can be had there. */
export async function download(
  url: string,
  { signal, tell }: DownloadOptions,
): Promise<AsyncIterable<Uint8Array>> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new FathomError(
      "invalid",
      `cannot import ${url}: only http and https addresses can be downloaded from`,
    );
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new FathomError("unavailable", `cannot download ${url}: ${messageOf(cause)}`, { cause });
  });
  if (!response.ok || response.body === null)
    throw new FathomError("unavailable", `cannot download ${url}: the server answered ${response.status}`);
  const total = Number(response.headers.get("content-length") ?? 0);
  return counted(response.body, (current) =>
    tell({ status: "Importing", progressDetail: { current, total } }),
  );
}

async function* counted(
  body: AsyncIterable<Uint8Array>,
  tell: (current: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let current = 0;
  let last = performance.now();
  for await (const piece of body) {
    current += piece.length;
    if (performance.now() - last > INTERVAL) {
      last = performance.now();
      tell(current);
    }
    yield piece;
  }
}
