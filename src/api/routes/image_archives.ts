/** Images going in and out as archives, and their history; and what these routes need of the engine behind them. */

import type { HistoryRow } from "../../spec/docker_image.ts";
import type { ProgressMessage } from "../../spec/docker_progress.ts";
import type { Platform } from "../../spec/oci_image.ts";
import { FathomError } from "../../std/errors.ts";
import { platformOf } from "../platform.ts";
import { progressLines } from "../progress.ts";
import { boolParam } from "../query.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";
import { olderThan } from "../version.ts";

export interface LoadOptions {
  platform?: Platform;
  /** Say what was loaded, not how it goes. */
  quiet: boolean;
  tell: (message: ProgressMessage) => void;
}

/** Disposing of it lets go of the images that are in it. */
export interface SavedImages extends Disposable {
  archive: AsyncIterable<Uint8Array>;
}

/** Names are references, IDs or unambiguous ID prefixes. */
export interface ImageArchiveBackend {
  /** Reads an archive of images to its end. Throws where something in it is wrong. */
  load(archive: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<void>;
  /** Throws not-found before the first byte. */
  save(names: readonly string[], options: { platform?: Platform }): Promise<SavedImages>;
  /** The latest step first. */
  history(name: string, options: { platform?: Platform }): Promise<HistoryRow[]>;
}

export function imageArchiveRoutes(backend: ImageArchiveBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/images/load",
      handler: async ({ query, http }, respond) => {
        const options = { ...platformOption(query), quiet: boolParam(query, "quiet") };
        const lines = progressLines((tell) => backend.load(http.body, { ...options, tell }));
        await respond.stream("application/json", lines);
      },
    },
    {
      method: "GET",
      pattern: "/images/get",
      handler: (request, respond) => save(backend, { request, names: namesOf(request.query) }, respond),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/get",
      handler: (request, respond) => save(backend, { request, names: [param(request, "name")] }, respond),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/history",
      handler: async (request, respond) => {
        const rows = await backend.history(param(request, "name"), platformOption(request.query));
        await respond.json(olderThan(request.version, "1.20") ? rows.map(withoutComment) : rows);
      },
    },
  ];
}

function withoutComment({ Comment: _, ...row }: HistoryRow): object {
  return row;
}

/** `names` comes once for each, or once with commas. */
function namesOf(query: URLSearchParams): string[] {
  const names = query.getAll("names").flatMap((value) => value.split(","));
  if (names.length === 0) throw new FathomError("invalid", "no images to save: give them as names=NAME");
  return names;
}

async function save(
  backend: ImageArchiveBackend,
  { request, names }: { request: ApiRequest; names: string[] },
  respond: Respond,
): Promise<void> {
  using saved = await backend.save(names, platformOption(request.query));
  await respond.stream("application/x-tar", saved.archive);
}

function platformOption(query: URLSearchParams): { platform?: Platform } {
  const value = query.get("platform");
  return value === null || value === "" ? {} : { platform: platformOf(value) };
}
