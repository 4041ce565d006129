/** A volume as a row of `volume ls`. */

import type { VolumeUsage } from "../../spec/docker_usage.ts";
import type { Volume } from "../../spec/docker_volume.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize } from "../../std/units.ts";
import { labelText } from "./text.ts";

export const VOLUME_HEADINGS: Struct = {
  Availability: "AVAILABILITY",
  Driver: "DRIVER",
  Group: "GROUP",
  Label: (name) => String(name ?? ""),
  Labels: "LABELS",
  Links: "LINKS",
  Mountpoint: "MOUNTPOINT",
  Name: "VOLUME NAME",
  Scope: "SCOPE",
  Size: "SIZE",
  Status: "STATUS",
};

/** The fields a template may ask for. How large a volume is, only `system df` is told; of clusters, nothing says anything. */
export function volumeRow(volume: Volume | VolumeUsage): Struct {
  const { Driver, Labels, Mountpoint, Name, Scope } = volume;
  const labels = Labels ?? {};
  const usage = "UsageData" in volume ? volume.UsageData : undefined;
  return {
    Availability: "N/A",
    Driver,
    Group: "N/A",
    Label: (name) => labels[String(name)] ?? "",
    Labels: labelText(labels),
    Links: usage ? String(usage.RefCount) : "N/A",
    Mountpoint,
    Name,
    Scope,
    Size: usage && usage.Size >= 0 ? formatDecimalSize(usage.Size, 4) : "N/A",
    Status: volume.Status?.Locked ? "locked" : "N/A",
  };
}
