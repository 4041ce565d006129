/** How much room every single thing takes: `system df -v`, as tables or by a template. Pure. */

import type { ContainerSummary, ImageSummary } from "../../spec/docker.ts";
import type { BuildCacheRecord, DiskUsage } from "../../spec/docker_usage.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize, formatSpan } from "../../std/units.ts";
import { CONTAINER_HEADINGS, containerRow } from "./containers.ts";
import { IMAGE_HEADINGS, imageRows } from "./images.ts";
import { fillIn, parse } from "./object.ts";
import { formatRows, type Listing } from "./rows.ts";
import { VOLUME_HEADINGS, volumeRow } from "./volumes.ts";

const CACHE_HEADINGS: Struct = {
  CacheType: "CACHE TYPE",
  CreatedSince: "CREATED",
  ID: "CACHE ID",
  LastUsedSince: "LAST USED",
  Shared: "SHARED",
  Size: "SIZE",
  UsageCount: "USAGE",
};

const COLUMNS = {
  images: "Repository Tag ID CreatedSince Size SharedSize UniqueSize Containers",
  containers: "ID Image Command LocalVolumes Size RunningFor Status Names",
  volumes: "Name Links Size",
  cache: "ID CacheType Size CreatedSince LastUsedSince UsageCount Shared",
};

/** Docker's layout: a heading over each table. */
export function tellDetails(usage: DiskUsage): string {
  const { images, containers, volumes, cache } = detailsOf(usage, { whole: false });
  const cached = (usage.BuildCache ?? []).reduce((sum, { Size, Shared }) => sum + (Shared ? 0 : Size), 0);
  const parts = [
    "Images space usage:\n\n",
    table(images, IMAGE_HEADINGS, COLUMNS.images),
    "\nContainers space usage:\n\n",
    table(containers, CONTAINER_HEADINGS, COLUMNS.containers),
    "\nLocal Volumes space usage:\n\n",
    table(volumes, VOLUME_HEADINGS, COLUMNS.volumes),
    `\nBuild cache usage: ${formatDecimalSize(cached, 4)}\n\n`,
    table(cache, CACHE_HEADINGS, COLUMNS.cache),
  ];
  return parts.join("");
}

/** By a template over all lists at once, `{{json .Images}}`; `json` for all of it. Throws CommandError. */
export function formatDetails(usage: DiskUsage, format: string): string {
  const { images, containers, volumes, cache } = detailsOf(usage, { whole: true });
  const value = { Images: images, Containers: containers, Volumes: volumes, BuildCache: cache };
  const source = format === "json" ? "{{json .}}" : format;
  return fillIn(parse(source), value, { type: "formatter.diskUsageContext" });
}

function table(rows: readonly Struct[], headings: Struct, columns: string): string {
  const fields = columns.split(" ").map((name) => `{{.${name}}}`);
  const listing: Listing = { rows, headings, type: "*formatter.diskUsageContext" };
  return formatRows(listing, `table ${fields.join("\t")}`);
}

/** `whole`: nothing shortened. */
function detailsOf(usage: DiskUsage, { whole }: { whole: boolean }) {
  return {
    images: (usage.Images ?? []).map((image) => imageRow(image, whole)),
    containers: (usage.Containers ?? []).map((container) => containerRow(ownSize(container), whole)),
    volumes: (usage.Volumes ?? []).map(volumeRow),
    cache: (usage.BuildCache ?? []).map(cacheRow),
  };
}

/** Under its first name only: it takes its room once. */
function imageRow(image: ImageSummary, whole: boolean): Struct {
  const [first = {}] = imageRows(image, { whole, digests: false });
  return { ...first, Digest: "" };
}

/** Without what its image takes. */
function ownSize(container: ContainerSummary): ContainerSummary {
  return { ...container, SizeRootFs: 0 };
}

function cacheRow(record: BuildCacheRecord): Struct {
  return {
    CacheType: record.Type,
    CreatedSince: since(record.CreatedAt),
    ID: record.ID,
    LastUsedSince: record.LastUsedAt === null ? "" : since(record.LastUsedAt),
    Shared: String(record.Shared),
    Size: formatDecimalSize(record.Size, 4),
    UsageCount: String(record.UsageCount),
  };
}

function since(time: string): string {
  return `${formatSpan((Date.now() - Date.parse(time)) / 1000)} ago`;
}
