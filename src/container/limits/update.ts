/**
 * New limits and a new restart policy for a container that exists, running or not.
 *
 * The record goes to disk before the control group is told, so that what a client was promised outlasts the engine; one that died
 * in between has the next engine tell it (`reapplyLimits`). Where the kernel refuses, both are as before.
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerUpdateRequest } from "../../spec/docker.ts";
import type { Resources } from "../../spec/oci_runtime.ts";
import { FathomError, kindOf, messageOf } from "../../std/errors.ts";
import { parseNetworkRate } from "../../std/network_rate.ts";
import { cgroupPath } from "../cgroup_path.ts";
import { checkRestartPolicy } from "../check.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { type FullHostConfig, fillHostConfig } from "../host_config.ts";
import { checkRate } from "../network/check.ts";
import { limitsOf } from "../plan/resources.ts";
import { writeJson } from "../records.ts";
import { tell } from "../tell.ts";
import { fitLimits } from "./limits.ts";

/**
 * Changes what the request names; the caller holds `exclusive`.
 * @returns warnings of what this host's kernel cannot limit
 * @throws {FathomError} invalid for a limit that is none, conflict for one that contradicts what stands, in Docker's words.
 */
export async function updateContainer(
  context: Context,
  container: Container,
  request: ContainerUpdateRequest,
): Promise<{ Warnings: string[] }> {
  const { record } = container;
  const { asked, warnings } = readRequest(context, request);
  refuseConflicts(container, asked, request);
  if (request.NetworkRate) checkRate(request.NetworkRate, record.host.NetworkMode);
  const before = { ...record.host };
  try {
    Object.assign(record.host, changes(asked, request));
    await save(container);
    await apply(context, container, changed(limitsOf(before), limitsOf(record.host)));
    if (record.host.NetworkRate !== before.NetworkRate) await applyRate(context, container);
  } catch (error) {
    await restore(context, container, before);
    throw cannotUpdate(container, kindOf(error), error);
  }
  tell(context, container, { action: "update" });
  return { Warnings: warnings };
}

/** What is asked for, alone, in the form of a whole configuration. */
function readRequest(
  { host, options }: Context,
  request: ContainerUpdateRequest,
): { asked: FullHostConfig; warnings: string[] } {
  const asked = fillHostConfig(request, host, { runtime: options.defaultRuntime });
  // A create gives as much swap as memory; here nothing changes that is not named.
  Object.assign(asked, { MemorySwap: request.MemorySwap ?? 0, PidsLimit: pidsLimit(request) });
  checkRestartPolicy(asked);
  return { warnings: fitLimits(asked, host, { update: true }), asked };
}

/** Whatever is not above 0 takes the limit away, and is shown as 0. */
function pidsLimit({ PidsLimit: limit }: ContainerUpdateRequest): number | null {
  return limit === undefined || limit === null ? null : Math.max(0, limit);
}

const LIMITS = [
  "BlkioWeight",
  "CpuShares",
  "NanoCpus",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "CpusetCpus",
  "CpusetMems",
  "Memory",
  "MemorySwap",
  "MemoryReservation",
] as const satisfies readonly (keyof FullHostConfig)[];

/** 0 and empty leave a limit as it is. */
function changes(asked: FullHostConfig, request: ContainerUpdateRequest): Partial<FullHostConfig> {
  const limits = LIMITS.filter((name) => asked[name] !== 0 && asked[name] !== "");
  return {
    ...Object.fromEntries(limits.map((name) => [name, asked[name]])),
    ...(asked.PidsLimit !== null && { PidsLimit: asked.PidsLimit }),
    ...(request.NetworkRate && { NetworkRate: request.NetworkRate }),
    ...(request.RestartPolicy?.Name && { RestartPolicy: asked.RestartPolicy }),
  };
}

function refuseConflicts(
  container: Container,
  asked: FullHostConfig,
  { RestartPolicy: policy }: ContainerUpdateRequest,
): void {
  const { host, state } = container.record;
  const cpu = (what: string, by: string) =>
    `Conflicting options: ${what} cannot be updated as ${by} has already been set`;
  const rows: [boolean, string][] = [
    [
      state.Status === "removing" || state.Status === "dead",
      'container is marked for removal and cannot be "update"',
    ],
    [asked.NanoCpus > 0 && host.CpuPeriod > 0, cpu("Nano CPUs", "CPU Period")],
    [asked.NanoCpus > 0 && host.CpuQuota > 0, cpu("Nano CPUs", "CPU Quota")],
    [asked.CpuPeriod > 0 && host.NanoCpus > 0, cpu("CPU Period", "NanoCPUs")],
    [asked.CpuQuota > 0 && host.NanoCpus > 0, cpu("CPU Quota", "NanoCPUs")],
    [
      asked.Memory > host.MemorySwap && asked.Memory !== 0 && asked.MemorySwap === 0,
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    ],
    [
      host.AutoRemove && Boolean(policy?.Name) && policy?.Name !== "no",
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    ],
  ];
  const conflict = rows.find(([holds]) => holds);
  if (conflict !== undefined) throw cannotUpdate(container, "conflict", conflict[1]);
}

function cannotUpdate(container: Container, kind: FathomError["kind"], reason: unknown): FathomError {
  const sentence = typeof reason === "string" ? reason : messageOf(reason);
  return new FathomError(kind, `Cannot update container ${nameOf(container).id}: ${sentence}`, {
    cause: reason,
  });
}

function save({ record, paths }: Container): Promise<void> {
  return writeJson(paths.hostConfig, record.host, { sync: !record.host.AutoRemove });
}

/** The kinds of limits of which one has changed, whole. */
function changed(before: Resources, after: Resources): Resources {
  const kinds = (["memory", "cpu", "pids", "blockIO"] as const).filter(
    (kind) => JSON.stringify(before[kind]) !== JSON.stringify(after[kind]),
  );
  return Object.fromEntries(kinds.map((kind) => [kind, after[kind]]));
}

async function apply(context: Context, container: Container, limits: Resources): Promise<void> {
  if (container.live === undefined || Object.keys(limits).length === 0) return;
  const { cgroups, receipts } = context.options;
  await receipts.record(nameOf(container).id, () => cgroups.update(cgroupPath(container.record), limits));
}

/** Set last: where the kernel cannot, what stood before still does. */
async function applyRate(context: Context, container: Container): Promise<void> {
  if (container.live === undefined) return;
  const { networks, receipts } = context.options;
  const { id } = nameOf(container);
  const rate = parseNetworkRate(container.record.host.NetworkRate ?? "");
  await receipts.record(id, () => networks.setRate(id, rate));
}

/** The kernel's own values, for a limit that was not set. */
const UNLIMITED: Resources = {
  memory: { limit: -1, swap: -1 },
  cpu: { shares: 1024, quota: -1 },
  pids: { limit: -1 },
};

async function restore(context: Context, container: Container, before: FullHostConfig): Promise<void> {
  const { record } = container;
  const tried = limitsOf(record.host);
  delete record.host.NetworkRate;
  Object.assign(record.host, before);
  const { memory, cpu, pids, blockIO } = limitsOf(before);
  const whole: Resources = {
    memory: { ...UNLIMITED.memory, ...memory },
    cpu: { ...UNLIMITED.cpu, ...cpu },
    pids: pids ?? { limit: -1 },
    ...(blockIO && { blockIO }),
  };
  const warn = (error: unknown) =>
    context.options.warn(
      `container ${nameOf(container).id}: its limits cannot be taken back: ${messageOf(error)}`,
    );
  await save(container).catch(warn);
  const kinds = Object.keys(changed(limitsOf(before), tried));
  const limits = Object.fromEntries(Object.entries(whole).filter(([kind]) => kinds.includes(kind)));
  await apply(context, container, limits).catch(warn);
}

/** Tells the control group of a container that was taken over the limits it was given since its start. */
export async function reapplyLimits(context: Context, container: Container): Promise<void> {
  const { paths, bundle, record } = container;
  const times = [paths.hostConfig, join(bundle, "config.json")].map(
    async (path) => (await stat(path)).mtimeMs,
  );
  try {
    const [updated = 0, started = 0] = await Promise.all(times);
    if (updated <= started) return;
    await apply(context, container, limitsOf(record.host));
    if (record.host.NetworkRate !== undefined) await applyRate(context, container);
  } catch (error) {
    context.options.warn(
      `container ${nameOf(container).id}: its limits are not certain: ${messageOf(error)}`,
    );
  }
}
