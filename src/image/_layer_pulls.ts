/**
 * Layers on their way in. Pulls that want the same layer in the same place share one download, which ends when the last of them
 * leaves; each is told how it goes.
 */

import { access } from "node:fs/promises";
import type { Descriptor, Digest } from "../spec/oci_image.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import { partialOf, readPart, removePartial } from "./_partial.ts";
import { blobPath, type Paths } from "./_paths.ts";
import type { ImageSource } from "./_source.ts";
import { type StagedLayer, stageLayer } from "./_stage.ts";

/** A layer at its place in an image. */
export interface WantedLayer {
  descriptor: Descriptor;
  diffId: Digest;
  chainId: Digest;
}

/** How far a layer is. */
export interface LayerNews {
  status: string;
  current?: number;
  total?: number;
}

interface Arrival {
  staged: Promise<StagedLayer>;
  users: number;
  stop: AbortController;
  listeners: Set<(news: LayerNews) => void>;
  latest: LayerNews | undefined;
}

/** Of one store. */
export interface LayerPulls {
  arrivals: Map<Digest, Arrival>;
  /** Blobs whose beginning on disk somebody is writing to. */
  claimed: Set<Digest>;
}

/** A layer that has arrived; disposing of it lets go of it. */
export interface SharedLayer extends AsyncDisposable {
  staged: StagedLayer;
}

export function layerPulls(): LayerPulls {
  return { arrivals: new Map(), claimed: new Set() };
}

/** Milliseconds between two reports of the same download. */
const REPORT_MS = 100;

interface Fetching {
  pulls: LayerPulls;
  paths: Paths;
  source: ImageSource;
  listen: (news: LayerNews) => void;
  signal: AbortSignal;
}

/** @throws {FathomError} when the layer cannot be had or is not what it should be; what `signal` was aborted with */
export async function arrivalOf(wanted: WantedLayer, fetching: Fetching): Promise<SharedLayer> {
  const { arrivals } = fetching.pulls;
  const arrival = arrivals.get(wanted.chainId) ?? begin(wanted, fetching);
  arrival.users += 1;
  arrival.listeners.add(fetching.listen);
  if (arrival.latest !== undefined) fetching.listen(arrival.latest);
  const leave = async (): Promise<void> => {
    arrival.listeners.delete(fetching.listen);
    arrival.users -= 1;
    if (arrival.users > 0) return;
    if (arrivals.get(wanted.chainId) === arrival) arrivals.delete(wanted.chainId);
    arrival.stop.abort(new FathomError("unavailable", "nobody waits for this layer any more"));
    await arrival.staged.then(
      (layer) => layer[Symbol.asyncDispose](),
      () => undefined,
    );
  };
  try {
    const staged = await untilAborted(arrival.staged, fetching.signal);
    return { staged, [Symbol.asyncDispose]: leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

function begin(wanted: WantedLayer, { pulls, paths, source }: Fetching): Arrival {
  const stop = new AbortController();
  const arrival: Arrival = {
    staged: Promise.resolve().then(() =>
      fetchLayer(wanted, { pulls, paths, source, tell, signal: stop.signal }),
    ),
    users: 0,
    stop,
    listeners: new Set(),
    latest: undefined,
  };
  function tell(news: LayerNews): void {
    arrival.latest = news;
    for (const listener of arrival.listeners) listener(news);
  }
  pulls.arrivals.set(wanted.chainId, arrival);
  // Whoever comes after a failure begins anew.
  arrival.staged.catch(() => pulls.arrivals.delete(wanted.chainId));
  return arrival;
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface Work {
  pulls: LayerPulls;
  paths: Paths;
  source: ImageSource;
  tell: (news: LayerNews) => void;
  signal: AbortSignal;
}

/** From a blob that is here already, else from the source; content that turns out wrong is fetched once more from its beginning. */
async function fetchLayer(wanted: WantedLayer, work: Work): Promise<StagedLayer> {
  const { digest, size } = wanted.descriptor;
  const here = blobPath(work.paths, digest);
  if (await exists(here)) {
    const local = await stageWanted(wanted, work, { bytes: readPart(here, size) }).catch(ifWrong);
    if (local !== undefined) return local;
  }
  const first = await download(wanted, work).catch(ifWrong);
  if (first !== undefined) return first;
  work.tell({ status: "Verification failed, downloading once more" });
  return download(wanted, work);
}

/** Undefined for content that is damaged; any other failure goes on. */
function ifWrong(error: unknown): undefined {
  if (kindOf(error) !== "invalid") throw error;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function download(wanted: WantedLayer, work: Work): Promise<StagedLayer> {
  const { pulls, paths, signal } = work;
  const { descriptor } = wanted;
  // Of two places in images that want one blob at the same time, one may be cut short and go on later.
  const isOurs = !pulls.claimed.has(descriptor.digest);
  if (!isOurs)
    return stageWanted(wanted, work, { bytes: reported(fromSource(work, descriptor, 0), descriptor, work) });
  pulls.claimed.add(descriptor.digest);
  try {
    const partial = await partialOf(paths, descriptor);
    const bytes = reported(continued(work, descriptor, partial), descriptor, work);
    return await stageWanted(wanted, work, { bytes, partial });
  } catch (error) {
    const mayGoOn = signal.aborted || isInterruption(error);
    if (!mayGoOn) await removePartial(paths, descriptor.digest);
    throw error;
  } finally {
    pulls.claimed.delete(descriptor.digest);
  }
}

/** A failure of the way here, not of the content or of the disk. */
function isInterruption(error: unknown): boolean {
  return error instanceof Interruption || (error instanceof Error && error.cause instanceof Interruption);
}

class Interruption extends FathomError {}

async function* continued(
  work: Work,
  descriptor: Descriptor,
  { path, size }: { path: string; size: number },
): AsyncGenerator<Uint8Array, void> {
  yield* readPart(path, size);
  yield* fromSource(work, descriptor, size);
}

/** The source's bytes; its failures are told apart from those of what the bytes are. */
async function* fromSource(
  { source, signal, tell }: Work,
  descriptor: Descriptor,
  from: number,
): AsyncGenerator<Uint8Array, void> {
  if (from === descriptor.size) return;
  const retrying = () => tell({ status: "Retrying" });
  try {
    yield* source.blob(descriptor, { from, signal, retrying });
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof FathomError) || cause.kind === "invalid") throw cause;
    throw new Interruption(cause.kind, cause.message, { cause });
  }
}

/** The same bytes; what has come is told now and then. */
async function* reported(
  bytes: AsyncIterable<Uint8Array>,
  { size }: Descriptor,
  { tell }: Work,
): AsyncGenerator<Uint8Array, void> {
  let current = 0;
  let due = 0;
  for await (const piece of bytes) {
    current += piece.length;
    const now = performance.now();
    if (now >= due || current === size) {
      due = now + REPORT_MS;
      tell({ status: "Downloading", current, total: size });
    }
    yield piece;
  }
  tell({ status: "Verifying Checksum" });
  tell({ status: "Download complete" });
  tell({ status: "Extracting", current: size, total: size });
}

async function stageWanted(
  { descriptor, diffId }: WantedLayer,
  { paths }: Work,
  { bytes, partial }: { bytes: AsyncIterable<Uint8Array>; partial?: { path: string; size: number } },
): Promise<StagedLayer> {
  const { digest, size } = descriptor;
  const options = { keep: "stored", expected: { digest, size } } as const;
  const layer = await stageLayer(paths, bytes, { ...options, ...(partial && { partial }) });
  if (layer.diffId === diffId) return layer;
  await layer[Symbol.asyncDispose]();
  throw new FathomError(
    "invalid",
    `layer ${digest} unpacks to ${layer.diffId}, and the image's configuration says ${diffId}`,
  );
}
