/** `inspect --isolation`: what a container can do and what it cannot, side by side. */

import type { Isolation } from "../spec/isolation.ts";
import { formatBinarySize } from "../std/units.ts";

const WIDTH = 100;
const LABEL = 14;
const COLUMN = (WIDTH - LABEL) / 2;
const GAP = 2;

/** A screenful of text, at most 100 columns wide, that ends in what is unusual. */
export function tellIsolation(seen: Isolation): string {
  const state = seen.Running ? `runs as process ${seen.Pid}` : "does not run: as it would be started";
  const rows = [
    row("", "CAN", "CANNOT"),
    ...rowsOf(seen).flatMap(([label, can, cannot]) => cells(label, can, cannot)),
  ];
  const unusual =
    seen.Unusual.length === 0
      ? ["Nothing is unusual about it: it is isolated as containers are by default."]
      : [
          "Unusual:",
          ...seen.Unusual.flatMap((sentence) =>
            wrap(sentence, WIDTH - 2).map((line, index) => `${index === 0 ? "- " : "  "}${line}`),
          ),
        ];
  return `${[`${seen.Name} (${seen.Id.slice(0, 12)}) ${state}`, "", ...rows, "", ...unusual].join("\n")}\n`;
}

function rowsOf(seen: Isolation): [label: string, can: string, cannot: string][] {
  const kinds = (sharing: string) => seen.Namespaces.filter(({ Sharing }) => Sharing === sharing);
  const names = (list: readonly { Type: string; With: string[] }[]) =>
    list.map(({ Type, With }) => (With.length > 0 ? `${Type} (with ${With.join(", ")})` : Type)).join(", ");
  const { Had, Denied } = seen.Capabilities;
  const short = (list: readonly string[]) => list.map((name) => name.replace(/^CAP_/, "")).join(" ");
  const limits = [
    seen.Limits.Memory > 0 && `${formatBinarySize(seen.Limits.Memory)} of memory`,
    seen.Limits.Cpus > 0 && `${seen.Limits.Cpus} processors`,
    seen.Limits.Pids > 0 && `${seen.Limits.Pids} processes`,
  ].filter((limit) => limit !== false);
  const mounts = seen.WritableMounts.map(({ Source, Destination }) => `${Destination} (${Source})`).join(
    ", ",
  );
  const user =
    seen.User.HostUid === seen.User.Uid
      ? `be user ${seen.User.Uid}`
      : `be user ${seen.User.Uid}, on the host ${seen.User.HostUid}`;
  return [
    [
      "see",
      both("the host's ", names(kinds("host")), "others' ", names(kinds("shared"))),
      `beyond its own ${names(kinds("own"))}`,
    ],
    ["be", user, seen.NoNewPrivileges ? "gain privileges by any program" : ""],
    ["capabilities", short(Had) || "none", short(Denied) || "none is denied"],
    [
      "system calls",
      seen.Seccomp ? "those of its profile" : "all",
      seen.Seccomp ? "those that its profile refuses" : "",
    ],
    [
      "devices",
      seen.Devices.length > 0 ? seen.Devices.join(", ") : "null, zero, random and terminals",
      seen.Privileged ? "" : "any other of the host",
    ],
    [
      "write",
      both("", seen.ReadonlyRootfs ? "" : "its own root", "", mounts),
      seen.ReadonlyRootfs ? "its own root" : "",
    ],
    [
      "/proc, /sys",
      seen.HiddenPaths === 0 ? "see and change all" : "see most",
      `see ${seen.HiddenPaths} paths, change ${seen.ReadonlyPaths}`,
    ],
    [
      "use",
      limits.length > 0 ? limits.join(", ") : "all of the host's memory and processors",
      limits.length > 0 ? "more" : "",
    ],
  ];
}

function both(a: string, first: string, b: string, second: string): string {
  return (
    [first === "" ? "" : `${a}${first}`, second === "" ? "" : `${b}${second}`].filter(Boolean).join("; ") ||
    "nothing"
  );
}

function cells(label: string, can: string, cannot: string): string[] {
  const [left, right] = [wrap(can, COLUMN - GAP), wrap(cannot, COLUMN - GAP)];
  const height = Math.max(left.length, right.length);
  return Array.from({ length: height }, (_, index) =>
    row(index === 0 ? label : "", left[index] ?? "", right[index] ?? ""),
  );
}

function row(label: string, can: string, cannot: string): string {
  return `${label.padEnd(LABEL)}${can.padEnd(COLUMN)}${cannot}`.trimEnd();
}

/** At spaces; a word that is too long stands on a line of its own. What a container was named never moves the cursor. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const word of text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
