/** What is unusual about a container's isolation, in sentences: first what it can do that others cannot, then what it cannot. Pure. */

import type { Isolation } from "../../spec/isolation.ts";

type Seen = Omit<Isolation, "Unusual">;

/** Every container has the host's users unless the engine maps them; on cgroup v1 also its view of control groups. */
const HOST_BY_DEFAULT = ["users", "control groups"];

export function unusual(seen: Seen): string[] {
  const sentences: (string | false)[] = [
    seen.Privileged && "It is privileged: it can do to the host whatever root can.",
    ...namespaces(seen),
    list("It may use ", seen.Capabilities.Unusual, ", which containers are denied by default."),
    !seen.Seccomp && "No system call is refused to it: it has no seccomp filter.",
    seen.HiddenPaths === 0 && "Nothing of the host is hidden from it in /proc and /sys.",
    seen.ReadonlyPaths === 0 &&
      "It may change settings of the kernel in /proc/sys, where it has the capabilities.",
    list("It may use devices of the host: ", seen.Devices, "."),
    ...seen.WritableMounts.flatMap(danger),
    seen.User.HostUid !== seen.User.Uid &&
      `Its user ${seen.User.Uid} is user ${seen.User.HostUid} on the host, who has no power there.`,
    seen.User.HostUid === seen.User.Uid &&
      seen.User.Uid !== 0 &&
      `It runs as user ${seen.User.Uid}, not as root.`,
    list("It lacks ", seen.Capabilities.Missing, ", which containers have by default."),
    seen.NoNewPrivileges && "None of its programs can gain privileges, setuid or not.",
    seen.ReadonlyRootfs && "Its root file system is read-only.",
  ];
  return sentences.filter((sentence) => sentence !== false);
}

function namespaces({ Namespaces }: Seen): string[] {
  return Namespaces.flatMap(({ Type, Sharing, With }) => {
    if (Sharing === "host" && !HOST_BY_DEFAULT.includes(Type)) return [`It has the host's ${Type}.`];
    if (Sharing === "shared") return [`It shares its ${Type} with ${With.join(", ")}.`];
    return [];
  });
}

function list(before: string, names: readonly string[], after: string): string | false {
  return names.length > 0 && `${before}${names.join(", ")}${after}`;
}

/** Directories by which the host, or the engine, can be taken over. */
const DANGEROUS = /^\/$|^\/(etc|proc|sys|dev|boot|root|usr|bin|sbin|lib|lib64|run|var\/run|var\/lib)(\/|$)/;

function danger({ Source, Destination }: Seen["WritableMounts"][number]): string[] {
  if (/\.sock$/.test(Source))
    return [`It may speak to whoever listens at ${Source} of the host, by way of ${Destination}.`];
  const isVolume = /\/volumes\/[^/]+\/_data$/.test(Source);
  if (isVolume || !DANGEROUS.test(Source)) return [];
  return [`It may write to ${Source} of the host, by way of ${Destination}.`];
}
