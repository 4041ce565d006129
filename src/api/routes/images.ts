/** Image routes, and what they need of the engine behind them. */

import type { ImageDeleteResponse, ImageInspect } from "../../spec/docker.ts";
import type { ListedImage } from "../../spec/docker_image.ts";
import type { ProgressMessage } from "../../spec/docker_progress.ts";
import type { Platform } from "../../spec/oci_image.ts";
import { FathomError } from "../../std/errors.ts";
import { legacyImage, legacyImageSummary } from "../legacy.ts";
import { platformOf } from "../platform.ts";
import { progressLines } from "../progress.ts";
import { boolParam, filtersParam } from "../query.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";
import { olderThan } from "../version.ts";
import type { Filters } from "./containers.ts";
import { pull, type RegistryBackend } from "./registry.ts";

export interface ImportOptions {
  /** `name[:tag]` to give it; none leaves it dangling. */
  reference?: string;
  message?: string;
  /** Dockerfile instructions (`CMD ["sh"]`, `ENV A=b`) to apply to the configuration. */
  changes: string[];
  platform?: string;
}

export interface DownloadOptions {
  signal: AbortSignal;
  tell: (message: ProgressMessage) => void;
}

export interface ListOptions {
  all: boolean;
  filters: Filters;
  digests: boolean;
  /** Count what images share with others. */
  sharedSize: boolean;
  /** Tell what each is stored as, and who uses it. */
  manifests: boolean;
}

export interface RemoveOptions {
  force: boolean;
  /** With it go images without a name that it was made from. */
  prune: boolean;
  /** Only what is for one of these; empty: whatever it is for. */
  platforms: Platform[];
}

/** Names are references, IDs or unambiguous ID prefixes. */
export interface ImageBackend {
  /** Reads a tar (plain, gzip or zstd) to its end and makes an image of one layer; gives its ID. */
  import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<{ id: string }>;
  /** The body of what is at an http or https address. Throws unavailable where it cannot be had. */
  download(url: string, options: DownloadOptions): Promise<AsyncIterable<Uint8Array>>;
  list(options: ListOptions): Promise<ListedImage[]>;
  inspect(name: string): Promise<ImageInspect>;
  tag(name: string, reference: string): Promise<void>;
  remove(name: string, options: RemoveOptions): Promise<ImageDeleteResponse[]>;
}

export function imageRoutes(backend: ImageBackend, registry: RegistryBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/images/json",
      handler: async (request, respond) => {
        const images = await backend.list(listOptions(request));
        await respond.json(images.map((image) => legacyImageSummary(image, request.version)));
      },
    },
    {
      method: "POST",
      pattern: "/images/create",
      handler: (request, respond) =>
        request.query.get("fromImage") ? pull(registry, request, respond) : create(backend, request, respond),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/json",
      handler: async (request, respond) => {
        const image = await backend.inspect(param(request, "name"));
        await respond.json(legacyImage(image, request.version));
      },
    },
    {
      method: "POST",
      pattern: "/images/{name*}/tag",
      handler: async (request, respond) => {
        await backend.tag(param(request, "name"), taggedName(request.query) ?? "");
        await respond.empty(201);
      },
    },
    {
      method: "DELETE",
      pattern: "/images/{name*}",
      handler: async (request, respond) => {
        const options = {
          force: boolParam(request.query, "force"),
          prune: !boolParam(request.query, "noprune"),
          platforms: request.query.getAll("platforms").map(platformOf),
        };
        await respond.json(await backend.remove(param(request, "name"), options));
      },
    },
  ];
}

function listOptions({ query, version }: ApiRequest): ListOptions {
  const filters = filtersParam(query);
  const name = query.get("filter");
  // Until 1.41 `filter=NAME` stood beside `filters`.
  if (name !== null && olderThan(version, "1.41")) filters.reference = [...(filters.reference ?? []), name];
  return {
    all: boolParam(query, "all"),
    digests: boolParam(query, "digests"),
    sharedSize: boolParam(query, "shared-size"),
    manifests: boolParam(query, "manifests") && !olderThan(version, "1.47"),
    filters,
  };
}

/** `repo` and `tag` as one reference. */
function taggedName(query: URLSearchParams): string | undefined {
  const repo = query.get("repo");
  if (repo === null || repo === "") return undefined;
  const tag = query.get("tag");
  return tag === null || tag === "" ? repo : `${repo}:${tag}`;
}

async function create(backend: ImageBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const { query, http } = request;
  const source = query.get("fromSrc") ?? "";
  if (source === "")
    throw new FathomError("invalid", "nothing to create an image from: give fromSrc=- and a tar archive");
  const options = importOptions(query, source);
  if (source === "-") {
    const { id } = await backend.import(http.body, options);
    return await respond.json({ status: id });
  }
  const { signal } = http;
  const lines = progressLines(async (tell) => {
    const url = source.includes("://") ? source : `http://${source}`;
    tell({ status: `Downloading from ${url}` });
    const archive = await backend.download(url, { signal, tell });
    const { id } = await backend.import(archive, options);
    tell({ status: id });
  });
  await respond.stream("application/json", lines);
}

function importOptions(query: URLSearchParams, source: string): ImportOptions {
  const reference = taggedName(query);
  const platform = query.get("platform") ?? "";
  return {
    changes: query.getAll("changes"),
    message: query.get("message") || `Imported from ${source}`,
    ...(reference !== undefined && { reference }),
    ...(platform !== "" && { platform }),
  };
}
