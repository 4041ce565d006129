/**
 * The host's resolv.conf, and the telling of its changes.
 *
 * What was told last stands in `<exec-root>/dns/host.json`: containers have their files made of it, and an engine that starts finds
 * out by it whether the host's file has changed while none was there.
 */

import { type FSWatcher, watch } from "node:fs";
import { mkdir, readFile, realpath, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { HostNames, HostNamesSource } from "../container/needs.ts";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";

const OWN = "/etc/resolv.conf";
/** What systemd-resolved asks itself, for who cannot ask it at the host's loopback: systemd-resolved.service(8). */
const BEHIND_RESOLVED = "/run/systemd/resolve/resolv.conf";
const RESOLVED = "127.0.0.53";
/** Files are often written twice in a row; milliseconds. */
const SETTLE = 100;

export interface HostNamesOptions {
  execRoot: string;
  warn: (sentence: string) => void;
  /** Instead of /etc/resolv.conf, for tests. */
  path?: string;
}

/** Watches from the first `read` on; `close` ends it. */
export function hostNames({
  execRoot,
  warn,
  path = OWN,
}: HostNamesOptions): HostNamesSource & { close(): void } {
  const memory = join(execRoot, "dns", "host.json");
  let current: Promise<HostNames> | undefined;
  let told: ((before: HostNames, after: HostNames) => Promise<void>) | undefined;
  let watchers: FSWatcher[] = [];
  let settling: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const compare = async (): Promise<void> => {
    const [before, after] = [await remembered(memory), await readNames(path)];
    current = Promise.resolve(after);
    if (before !== undefined && !same(before, after)) await told?.(before, after);
    if (before === undefined || !same(before, after)) await remember(memory, after);
  };
  const changed = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      settling = undefined;
      void compare()
        .then(rewatch)
        .catch((error) => warn(`containers do not follow ${path}: ${messageOf(error)}`));
    }, SETTLE);
  };
  /** Directories are watched, as the file may be replaced; a link to it may lead elsewhere each time. */
  const rewatch = async (): Promise<void> => {
    const target = await realpath(path).catch(ifAbsent(path));
    const directories = new Set([dirname(path), dirname(target)]);
    if (closed) return;
    for (const watcher of watchers) watcher.close();
    const names = ["resolv.conf", path, target].map((one) => one.slice(one.lastIndexOf("/") + 1));
    watchers = [...directories].map((directory) =>
      watch(directory, { persistent: false }, (_, name) => {
        if (name === null || names.includes(name)) changed();
      }),
    );
  };
  return {
    read() {
      current ??= readNames(path);
      return current;
    },
    onChange(listener) {
      told = listener;
      void compare()
        .then(rewatch)
        .catch((error) => warn(`containers do not follow ${path}: ${messageOf(error)}`));
    },
    close() {
      closed = true;
      clearTimeout(settling);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function same(a: HostNames, b: HostNames): boolean {
  return a.own === b.own && a.beyondLoopback === b.beyondLoopback;
}

/** A host without the file has nothing to say in it. */
async function readNames(path: string): Promise<HostNames> {
  const own = await readFile(path, "utf8").catch(ifAbsent(""));
  const servers = [...own.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address);
  const isResolved = servers.length > 0 && servers.every((address) => address === RESOLVED);
  return {
    own,
    beyondLoopback: isResolved ? await readFile(BEHIND_RESOLVED, "utf8").catch(ifAbsent(own)) : own,
  };
}

async function remembered(memory: string): Promise<HostNames | undefined> {
  const text = await readFile(memory, "utf8").catch(ifAbsent(undefined));
  try {
    const { own, beyondLoopback } = JSON.parse(text ?? "{}");
    return typeof own === "string" && typeof beyondLoopback === "string"
      ? { own, beyondLoopback }
      : undefined;
  } catch {
    // A torn file remembers nothing.
    return undefined;
  }
}

async function remember(memory: string, names: HostNames): Promise<void> {
  await mkdir(dirname(memory), { recursive: true, mode: 0o700 });
  await writeFile(`${memory}.tmp`, `${JSON.stringify(names)}\n`, { mode: 0o600 });
  await rename(`${memory}.tmp`, memory);
}
