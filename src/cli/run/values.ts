/** Values of flags that have a grammar of their own. */

import type { HostConfig } from "../../spec/docker.ts";
import { CommandError } from "../errors.ts";

type Device = NonNullable<HostConfig["Devices"]>[number];

/** `/dev/a[:/dev/b][:rwm]`. */
export function parseDevice(text: string): Device {
  const parts = text.split(":");
  const [source = "", second, third] = parts;
  if (parts.length > 3) throw new CommandError(`bad format for path: ${text}`, 125);
  const isMode = (part: string | undefined) => part !== undefined && /^[rwm]+$/.test(part);
  const target = second === undefined || (third === undefined && isMode(second)) ? source : second;
  const permissions = third ?? (isMode(second) ? second : undefined) ?? "rwm";
  if (!isMode(permissions)) throw new CommandError(`invalid device mode: ${permissions}`, 125);
  return { PathOnHost: source, PathInContainer: target, CgroupPermissions: permissions };
}

/** `no`, `always`, `unless-stopped`, `on-failure[:N]`. */
export function parseRestartPolicy(text: string): NonNullable<HostConfig["RestartPolicy"]> {
  const [name = "", count, ...rest] = text.split(":");
  if (name === "" && count !== undefined) {
    throw new CommandError("invalid restart policy format: no policy provided before colon", 125);
  }
  if (rest.length > 0 || (count !== undefined && !/^\d+$/.test(count))) {
    throw new CommandError("invalid restart policy format: maximum retry count must be an integer", 125);
  }
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

/** `key=value` pairs as a record; a key alone has an empty value. */
export function parsePairs(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** Capabilities by the kernel's names. */
export function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

const SYSCTLS: ReadonlySet<string> = new Set(
  "msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced".split(" ").map((name) => `kernel.${name}`),
);

/** Refuses parameters that belong to no namespace, and would be the host's. */
export function checkSysctl(text: string): void {
  const name = text.split("=", 1)[0] ?? "";
  if (text.includes("=") && (SYSCTLS.has(name) || /^(net|fs\.mqueue)\./.test(name))) return;
  throw new Error(`sysctl '${text}' is not allowed`);
}

/** Podman's `--health-on-failure`. */
export function onFailureAction(text: string): string {
  if (["none", "kill", "restart", "stop"].includes(text)) return text;
  throw new Error("valid actions are none, kill, restart and stop");
}
