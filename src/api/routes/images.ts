/** Image routes, and what they need of the engine behind them. */

import type { ImageDeleteResponse, ImageInspect, ImageSummary } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import { legacyImage, legacyImageSummary } from "../legacy.ts";
import { boolParam, filtersParam } from "../query.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";
import { olderThan } from "../version.ts";
import type { Filters } from "./containers.ts";

export interface ImportOptions {
  /** `name[:tag]` to give it; none leaves it dangling. */
  reference?: string;
  message?: string;
  /** Dockerfile instructions (`CMD ["sh"]`, `ENV A=b`) to apply to the configuration. */
  changes: string[];
  platform?: string;
}

export interface ListOptions {
  all: boolean;
  filters: Filters;
  digests: boolean;
  /** Count what images share with others. */
  sharedSize: boolean;
}

/** Names are references, IDs or unambiguous ID prefixes. */
export interface ImageBackend {
  /** Reads a tar (plain, gzip or zstd) to its end and makes an image of one layer; gives its ID. */
  import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<{ id: string }>;
  list(options: ListOptions): Promise<ImageSummary[]>;
  inspect(name: string): Promise<ImageInspect>;
  tag(name: string, reference: string): Promise<void>;
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<ImageDeleteResponse[]>;
}

export function imageRoutes(backend: ImageBackend): Route[] {
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
      handler: (request, respond) => create(backend, request, respond),
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
  const image = query.get("fromImage") ?? "";
  if (image !== "") {
    throw new FathomError(
      "unsupported",
      `cannot pull ${image}: pulling from registries is not there yet. Import a root file system instead: docker import FILE.tar NAME`,
    );
  }
  const source = query.get("fromSrc") ?? "";
  if (source === "")
    throw new FathomError("invalid", "nothing to create an image from: give fromSrc=- and a tar archive");
  if (source !== "-") {
    throw new FathomError(
      "unsupported",
      `cannot import ${source}: the daemon downloads nothing. Download it and import the file: docker import FILE.tar NAME`,
    );
  }
  const { id } = await importBody(backend, query, http.body);
  await respond.json({ status: id });
}

async function importBody(
  backend: ImageBackend,
  query: URLSearchParams,
  archive: AsyncIterable<Uint8Array>,
): Promise<{ id: string }> {
  const options: ImportOptions = { changes: query.getAll("changes") };
  const reference = taggedName(query);
  const message = query.get("message") ?? "";
  const platform = query.get("platform") ?? "";
  if (reference !== undefined) options.reference = reference;
  if (message !== "") options.message = message;
  if (platform !== "") options.platform = platform;
  return await backend.import(archive, options);
}
