/** Image routes, and what they need of the engine behind them. */

import type { ImageDeleteResponse, ImageInspect, ImageSummary } from "../../spec/docker.ts";
import type { Filters } from "./containers.ts";

export interface ImportOptions {
  /** `name[:tag]` to give it; none leaves it dangling. */
  reference?: string;
  message?: string;
  /** Dockerfile instructions (`CMD ["sh"]`, `ENV A=b`) to apply to the configuration. */
  changes: string[];
  platform?: string;
}

/** Names are references, IDs or unambiguous ID prefixes. */
export interface ImageBackend {
  /** Reads a tar (plain, gzip or zstd) to its end and makes an image of one layer; gives its ID. */
  import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<{ id: string }>;
  list(options: { all: boolean; filters: Filters; digests: boolean }): Promise<ImageSummary[]>;
  inspect(name: string): Promise<ImageInspect>;
  tag(name: string, reference: string): Promise<void>;
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<ImageDeleteResponse[]>;
}
