/** How much room things take, as the rows of `system df`: one for each kind of thing. Pure. */

import type { DiskUsage } from "../../spec/docker_usage.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize } from "../../std/units.ts";

export const USAGE_HEADINGS: Struct = {
  Active: "ACTIVE",
  Reclaimable: "RECLAIMABLE",
  Size: "SIZE",
  TotalCount: "TOTAL",
  Type: "TYPE",
};

/** Bytes, and what of them would be free if all that is not in use were gone. */
interface Kind {
  type: string;
  total: number;
  active: number;
  size: number;
  reclaimable: number;
}

export function usageRows(usage: DiskUsage): Struct[] {
  return [images(usage), containers(usage), volumes(usage)].map(withPercents).concat(buildCache(usage));
}

const UP = /running|paused|restarting/;

/** What an image shares with others is counted as free: it is theirs as well, and Docker does so. */
function images({ Images, LayersSize }: DiskUsage): Kind {
  const all = Images ?? [];
  const used = all.filter(({ Containers }) => Containers !== 0);
  const own = sum(used.map(({ Size, SharedSize }) => (SharedSize < 0 ? 0 : Size - SharedSize)));
  return {
    type: "Images",
    total: all.length,
    active: all.filter(({ Containers }) => Containers > 0).length,
    size: LayersSize,
    reclaimable: LayersSize - own,
  };
}

function containers({ Containers }: DiskUsage): Kind {
  const all = Containers ?? [];
  const idle = all.filter(({ State }) => !UP.test(State));
  return {
    type: "Containers",
    total: all.length,
    active: all.length - idle.length,
    size: sum(all.map(({ SizeRw = 0 }) => SizeRw)),
    reclaimable: sum(idle.map(({ SizeRw = 0 }) => SizeRw)),
  };
}

function volumes({ Volumes }: DiskUsage): Kind {
  const all = (Volumes ?? []).map(({ UsageData }) => UsageData);
  const sizes = (some: typeof all) => sum(some.map(({ Size }) => Math.max(0, Size)));
  return {
    type: "Local Volumes",
    total: all.length,
    active: all.filter(({ RefCount }) => RefCount > 0).length,
    size: sizes(all),
    reclaimable: sizes(all.filter(({ RefCount }) => RefCount === 0)),
  };
}

function withPercents(kind: Kind): Struct {
  const { size, reclaimable } = kind;
  return row(kind, size > 0 ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : "");
}

function buildCache({ BuildCache }: DiskUsage): Struct {
  const all = (BuildCache ?? []).filter(({ Shared }) => !Shared);
  const size = sum(all.map(({ Size }) => Size));
  const inUse = (BuildCache ?? []).filter(({ InUse }) => InUse);
  const held = sum(inUse.filter(({ Shared }) => !Shared).map(({ Size }) => Size));
  const kind = { type: "Build Cache", total: BuildCache?.length ?? 0, active: inUse.length, size };
  return row({ ...kind, reclaimable: size - held }, "");
}

function row({ type, total, active, size, reclaimable }: Kind, percents: string): Struct {
  return {
    Active: String(active),
    Reclaimable: formatDecimalSize(reclaimable, 4) + percents,
    Size: formatDecimalSize(size, 4),
    TotalCount: String(total),
    Type: type,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
