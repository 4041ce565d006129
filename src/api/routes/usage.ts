/** How much room things take: `docker system df`, and what it needs of the engine behind it. */

import type { DiskUsage } from "../../spec/docker_usage.ts";
import { FathomError } from "../../std/errors.ts";
import { legacyImageSummary } from "../legacy.ts";
import type { ApiRequest, Route } from "../route.ts";
import { olderThan } from "../version.ts";

/** What may be asked for: `type=` of `GET /system/df`. */
const KINDS = ["container", "image", "volume", "build-cache"] as const;
export type UsageKind = (typeof KINDS)[number];

export interface UsageBackend {
  /** Of these kinds only; the others are null. */
  diskUsage(kinds: ReadonlySet<UsageKind>): Promise<DiskUsage>;
}

export function usageRoutes(backend: UsageBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/system/df",
      handler: async (request, respond) => {
        const usage = await backend.diskUsage(kindsOf(request));
        await respond.json(asVersion(usage, request.version));
      },
    },
  ];
}

/** All where none is named; and always in versions that could not name one. */
function kindsOf({ query, version }: ApiRequest): ReadonlySet<UsageKind> {
  const named = olderThan(version, "1.42") ? [] : query.getAll("type");
  return new Set(named.length === 0 ? KINDS : named.map(kindOf));
}

function kindOf(name: string): UsageKind {
  const kind = KINDS.find((known) => known === name);
  if (kind === undefined) throw new FathomError("invalid", `unknown object type: ${name}`);
  return kind;
}

/** Until 1.42 the build cache's size stood beside its records; until 1.44 images had a virtual size. */
function asVersion(usage: DiskUsage, version: string): object {
  return {
    ...usage,
    Images: usage.Images?.map((image) => legacyImageSummary(image, version)) ?? null,
    ...(olderThan(version, "1.42") && { BuilderSize: sum(usage.BuildCache ?? []) }),
  };
}

function sum(records: readonly { Size: number }[]): number {
  return records.reduce((total, { Size }) => total + Size, 0);
}
