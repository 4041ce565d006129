/** A volume as a row of `volume ls`. */

import type { Volume } from "../../spec/docker_volume.ts";
import type { Struct } from "../../std/go_template/mod.ts";
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

/** The fields a template may ask for. A list does not say how large a volume is, nor of clusters anything. */
export function volumeRow({ Driver, Labels, Mountpoint, Name, Scope }: Volume): Struct {
  const labels = Labels ?? {};
  return {
    Availability: "N/A",
    Driver,
    Group: "N/A",
    Label: (name) => labels[String(name)] ?? "",
    Labels: labelText(labels),
    Links: "N/A",
    Mountpoint,
    Name,
    Scope,
    Size: "N/A",
    Status: "N/A",
  };
}
