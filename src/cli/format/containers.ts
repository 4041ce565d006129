/** A container as a row of `ps`. */

import type { ContainerSummary } from "../../spec/docker.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize, formatSpan } from "../../std/units.ts";
import { ellipsis, goTime, labelText, shortId } from "./text.ts";

const COMMAND_LENGTH = 20;
const MOUNT_LENGTH = 15;

export const CONTAINER_HEADINGS: Struct = {
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Label: (name) =>
    String(name ?? "")
      .replace(/^.*[.]/, "")
      .replace(/[_-]/g, " "),
  Labels: "LABELS",
  LocalVolumes: "LOCAL VOLUMES",
  Mounts: "MOUNTS",
  Names: "NAMES",
  Networks: "NETWORKS",
  Platform: "PLATFORM",
  Ports: "PORTS",
  RunningFor: "CREATED",
  Size: "SIZE",
  State: "STATE",
  Status: "STATUS",
};

/** The fields a template may ask for; `whole` leaves nothing out. What the usual table does not show is computed when it is asked for. */
export function containerRow(container: ContainerSummary, whole: boolean): Struct {
  const labels = container.Labels ?? {};
  return {
    Command: JSON.stringify(whole ? container.Command : ellipsis(container.Command, COMMAND_LENGTH)),
    get CreatedAt() {
      return goTime(container.Created);
    },
    ID: whole ? container.Id : shortId(container.Id),
    Image: imageName(container, whole),
    Label: (name) => labels[String(name)] ?? "",
    get Labels() {
      return labelText(labels);
    },
    get LocalVolumes() {
      return String((container.Mounts ?? []).filter(({ Driver }) => Driver === "local").length);
    },
    get Mounts() {
      return mountNames(container, whole);
    },
    Names: names(container.Names ?? [], whole),
    get Networks() {
      return Object.keys(container.NetworkSettings?.Networks ?? {})
        .sort()
        .join(",");
    },
    Platform: null,
    Ports: portText(container.Ports ?? []),
    RunningFor: `${formatSpan(Date.now() / 1000 - container.Created)} ago`,
    get Size() {
      return sizeText(container);
    },
    State: container.State,
    Status: container.Status,
  };
}

function imageName({ Image, ImageID }: ContainerSummary, whole: boolean): string {
  if (Image === "") return "<no image>";
  if (whole) return Image;
  // A container whose image has lost its name shows the image's ID.
  return Image === ImageID || /^sha256:[\da-f]{64}$/.test(Image)
    ? shortId(Image)
    : Image.replace(/@sha256:[\da-f]{64}$/, "");
}

function mountNames({ Mounts }: ContainerSummary, whole: boolean): string {
  return (Mounts ?? [])
    .map(({ Name, Source }) => Name || Source)
    .map((name) => (whole ? name : ellipsis(name, MOUNT_LENGTH)))
    .join(",");
}

/** Without slashes in front; aliases that links gave (`/other/alias`) only where nothing is left out. */
function names(all: readonly string[], whole: boolean): string {
  return all
    .map((name) => name.replace(/^\//, ""))
    .filter((name) => whole || !name.includes("/"))
    .join(",");
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = formatDecimalSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${formatDecimalSize(SizeRootFs, 3)})` : own;
}

type Port = ContainerSummary["Ports"][number];

/**
 * Ports in the order of their numbers. Neighbours that keep their numbers, or are not published, become one range, as in docker; those
 * that are published under another number stand behind, one by one.
 */
function portText(ports: readonly Port[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? "", b.IP ?? "") ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  );
  const moved = sorted.filter(isMoved).map((port) => rangeText([port]));
  return [...ranges(sorted.filter((port) => !isMoved(port))).map(rangeText), ...moved].join(", ");
}

function isMoved({ PublicPort, PrivatePort }: Port): boolean {
  return Boolean(PublicPort) && PublicPort !== PrivatePort;
}

/** By bytes, so that the order is the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Stretches without a gap, of one address and protocol each: those that another of their kind follows, then the last of each kind. */
function ranges(ports: readonly Port[]): Port[][] {
  const followed: Port[][] = [];
  const open = new Map<string, Port[]>();
  for (const port of ports) {
    const kind = `${port.IP ?? ""}/${port.Type}`;
    const range = open.get(kind);
    if (range?.at(-1)?.PrivatePort === port.PrivatePort - 1) range.push(port);
    else {
      if (range !== undefined) followed.push(range);
      open.set(kind, [port]);
    }
  }
  return [...followed, ...open.values()];
}

function rangeText(range: readonly Port[]): string {
  const [first, last] = [range[0], range.at(-1)];
  if (!first || !last) return "";
  const inside = `${span(first.PrivatePort, last.PrivatePort)}/${first.Type}`;
  if (!first.PublicPort) return inside;
  const address = first.IP?.includes(":") ? `[${first.IP}]` : (first.IP ?? "");
  return `${address}:${span(first.PublicPort, last.PublicPort ?? first.PublicPort)}->${inside}`;
}

function span(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`;
}
