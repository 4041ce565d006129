/**
 * What is set by writing to procfs: sysctls, the out-of-memory score, an AppArmor profile.
 *
 * The files are opened in a procfs that is mounted nowhere, so no mount or link of the container's can divert a write
 * (CVE-2019-16884, CVE-2025-52881).
 */

import { type Argument, type Call, O, RESOLVE, result } from "../../kernel/mod.ts";
import type { NamespaceType, Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { makeFileSystem } from "./attach.ts";
import type { HostFacts } from "./context.ts";
import { openIn, writeText } from "./rows.ts";

/** All that is written; no rows where there is nothing to write. @throws {FathomError} invalid */
export function settingRows(config: RuntimeConfig, host: HostFacts): Call[] {
  return writeAll([...sysctls(config), ...processSettings(config.process, host)]);
}

/** The settings of the container alone. @throws {FathomError} invalid */
export function sysctlRows(config: RuntimeConfig): Call[] {
  return writeAll(sysctls(config));
}

function sysctls(config: RuntimeConfig): Setting[] {
  return Object.entries(config.linux.sysctl ?? {}).map(([name, value]) => sysctl(config, name, value));
}

/** The settings of a process alone, for one that joins a container. */
export function processSettingRows(process: Process, host: HostFacts): Call[] {
  return writeAll(processSettings(process, host));
}

interface Setting {
  /** Below /proc. */
  path: string;
  value: string;
  what: string;
}

function writeAll(settings: readonly Setting[]): Call[] {
  if (settings.length === 0) return [];
  const proc = makeFileSystem(
    { type: "proc", source: "proc", data: [], attributes: 0 },
    "make a procfs to write to",
  );
  return [...proc.rows, ...settings.flatMap((setting) => writeSetting(proc.fd, setting))];
}

function writeSetting(proc: Argument, { path, value, what }: Setting): Call[] {
  const file = openIn(proc, { path, flags: O.WRONLY, resolve: RESOLVE.NO_XDEV, what });
  const see = `nsenter -t PID -a cat /proc/${path}`;
  return [file, { ...writeText(result(file, `fd of /proc/${path}`), value, what), see }];
}

function processSettings({ oomScoreAdj, apparmorProfile }: Process, host: HostFacts): Setting[] {
  const settings: Setting[] = [];
  if (oomScoreAdj !== undefined) settings.push(oomScore(oomScoreAdj, host));
  if (apparmorProfile !== undefined && apparmorProfile !== "" && apparmorProfile !== "unconfined") {
    const value = `exec ${apparmorProfile}`;
    settings.push({
      path: "self/attr/apparmor/exec",
      value,
      what: `confine to the AppArmor profile ${apparmorProfile}`,
    });
  }
  return settings;
}

const CAP_SYS_RESOURCE = 24n;

/** Whether this host's root may raise hard limits and lower its score. */
export function maySurpass({ capabilities }: HostFacts): boolean {
  return ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

/** Without CAP_SYS_RESOURCE the score cannot go below this process's own. */
function oomScore(wanted: number, host: HostFacts): Setting {
  const value = maySurpass(host) ? wanted : Math.max(wanted, host.oomScoreAdj);
  const note = value === wanted ? "" : ` (${wanted} was asked for; this host's root may not lower it)`;
  return { path: "self/oom_score_adj", value: String(value), what: `set oom_score_adj to ${value}${note}` };
}

function sysctl(config: RuntimeConfig, name: string, value: string): Setting {
  const path = sysctlPath(name);
  const needed = namespaceOf(path);
  const has = needed !== undefined && config.linux.namespaces.some(({ type }) => type === needed);
  if (!has) {
    const reason =
      needed === undefined
        ? "it belongs to the whole host"
        : `the container has no ${needed} namespace of its own`;
    throw new FathomError(
      "invalid",
      `sysctl ${JSON.stringify(name)} cannot be set in a container: ${reason}`,
    );
  }
  return { path: `sys/${path}`, value, what: `set sysctl ${name} to ${value}` };
}

/** sysctl(8): where the first separator is a slash, dots are part of names (`net/ipv4/conf/eth0.100/forwarding`). */
function sysctlPath(name: string): string {
  const slash = name.indexOf("/");
  const dot = name.indexOf(".");
  const path = slash >= 0 && (dot < 0 || slash < dot) ? name : name.replaceAll(".", "/");
  if (path.split("/").some((part) => part === "" || part === ".." || part === "."))
    throw new FathomError("invalid", `not the name of a sysctl: ${JSON.stringify(name)}`);
  return path;
}

const OF_IPC = /^(kernel\/(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\/mqueue\/.+)$/;

/** The namespace that a sysctl is part of; undefined for those of the whole host. */
function namespaceOf(path: string): NamespaceType | undefined {
  if (path.startsWith("net/")) return "network";
  if (OF_IPC.test(path)) return "ipc";
  if (path === "kernel/domainname" || path === "kernel/hostname") return "uts";
  return undefined;
}
