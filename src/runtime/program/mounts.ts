/**
 * The container's own view of the file system: propagation, the root, and what is mounted in it.
 *
 * Bind mounts are cloned before the host's mounts are made private, since a clone taken later would no longer be a peer of a
 * shared mount; they are put in their places with the others, in the order of the configuration.
 */

import { type Argument, type Call, MOUNT_ATTR, MS, RESOLVE } from "../../kernel/mod.ts";
import type { Mount, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { attachMount, changeMount, cloneMount, makeFileSystem } from "./attach.ts";
import { cgroupMount } from "./cgroup_mounts.ts";
import type { ProgramContext } from "./context.ts";
import { type MountOptions, parseMountOptions, parsePropagation } from "./mount_options.ts";
import { isNew } from "./namespaces.ts";
import { components, makeDirectory, makeFile, type Opened, openHost } from "./rows.ts";
import { belongsToHost, hasUserNamespace } from "./user_namespace.ts";

/** The root and the mounts in it. */
export interface Mounted {
  /**
   * Rows that need power over the host: clones of its mounts, and what only its users may mount. In a user namespace they
   * are made before that is entered.
   */
  before: Call[];
  /** Rows that put the root upon itself. */
  enter: Call[];
  /** Rows that mount in the root. */
  rows: Call[];
  /** A descriptor of the root's mount. */
  root: Argument;
  /** File systems that the rows have made, by where they are. They hold nothing of an image's, and are a shorter way in. */
  made: Map<string, Argument>;
  /** Rows for when all targets have been made: what is read-only becomes so. */
  finish: Call[];
}

/** Makes the root a mount of its own and mounts in it what the configuration lists. */
export function mountRows(config: RuntimeConfig, context: ProgramContext): Mounted {
  const plans = config.mounts.map((mount) => ({ mount, options: parseMountOptions(mount.options ?? []) }));
  const rootPropagation = parsePropagation(config.linux.rootfsPropagation ?? "rslave");
  const inherited = rootPropagation.value === MS.SHARED ? undefined : MS.SLAVE;
  const clones = new Map(plans.flatMap((plan) => cloneOf(plan, { inherited, context })));
  const cut = cutRows(rootPropagation.value === MS.PRIVATE ? MS.PRIVATE : MS.SLAVE);
  const root = rootClone(context.root);
  const copies = [...clones.values()].flatMap(({ rows }) => rows);
  const confined = hasUserNamespace(config);
  const mounted: Mounted = {
    // Where both are made in the same namespace, ties are cut before the root is cloned.
    before: confined ? [...copies, ...root.rows] : copies,
    // The mounts of a namespace in which others live stay as they are.
    enter: [
      ...(isNew(config, "mount") ? cut : []),
      ...(confined ? [] : root.rows),
      ...rootPlace(context.root, root.fd),
    ],
    rows: [],
    root: root.fd,
    made: new Map(),
    finish: [],
  };
  for (const plan of plans) place(mounted, plan, { config, context, clone: clones.get(plan.mount) });
  if (config.root.readonly) {
    const what = "make the root read-only";
    mounted.finish.push(...changeMount(root.fd, { set: MOUNT_ATTR.RDONLY, recursive: false, what }));
  }
  return mounted;
}

interface MountPlan {
  mount: Mount;
  options: MountOptions;
}

/** The mount that a bind mount puts elsewhere, with its attributes. */
function cloneOf(
  { mount, options }: MountPlan,
  { inherited, context }: { inherited: number | undefined; context: ProgramContext },
): [Mount, Opened][] {
  const { bind, own, deep, propagation } = options;
  if (bind === undefined) return [];
  const source = mount.source ?? "";
  if (!source.startsWith("/"))
    throw new FathomError(
      "invalid",
      `the bind mount at ${mount.destination} has no absolute source: ${source}`,
    );
  const recursive = bind === "recursive";
  const clone = cloneMount({ path: source }, { recursive, what: `clone the mount of ${source}` });
  const changes = [
    changeMount(clone.fd, {
      propagation: inherited,
      recursive: true,
      what: `let go of the host's ${source}`,
    }),
    mapOwners(clone.fd, mount, context),
    changeMount(clone.fd, { ...own, recursive: false, what: `set the options of ${mount.destination}` }),
    changeMount(clone.fd, {
      set: deep.set,
      clear: deep.clear,
      recursive: true,
      what: `set the options below ${mount.destination}`,
    }),
    propagation === undefined
      ? []
      : changeMount(clone.fd, {
          propagation: propagation.value,
          recursive: propagation.recursive,
          what: `set the propagation of ${mount.destination}`,
        }),
  ];
  return [[mount, { rows: [...clone.rows, ...changes.flat()], fd: clone.fd }]];
}

/** Has files appear as others', where that is asked for: with the maps of a user namespace that was made for it. */
function mapOwners(clone: Argument, { destination, options }: Mount, { idMapped }: ProgramContext): Call[] {
  const users = idMapped.get(destination);
  if (users === undefined) return [];
  const recursive = options?.includes("ridmap") ?? false;
  return changeMount(clone, {
    set: MOUNT_ATTR.IDMAP,
    users,
    recursive,
    what: `map the owners of ${destination}`,
  });
}

/** Cuts the ties from this namespace's mounts to the host's. */
function cutRows(propagation: number): Call[] {
  const host = openHost("/");
  const what = "keep mounts of the container from the host";
  return [...host.rows, ...changeMount(host.fd, { propagation, recursive: true, what })];
}

function rootClone(path: string): Opened {
  const how = { recursive: true, what: "clone the mount of the root", shown: "the root" };
  const clone = cloneMount({ path }, how);
  const change = { propagation: MS.PRIVATE, recursive: true, what: "make the root's mounts private" };
  return { rows: [...clone.rows, ...changeMount(clone.fd, change)], fd: clone.fd };
}

/** Puts the root upon itself, so that it can become `/`. */
function rootPlace(path: string, root: Argument): Call[] {
  const place = openHost(path);
  return [
    ...place.rows,
    attachMount(root, place.fd, { what: "mount the root", see: "cat /proc/PID/mountinfo" }),
  ];
}

interface Placing {
  config: RuntimeConfig;
  context: ProgramContext;
  clone: Opened | undefined;
}

/** Appends the rows of one mount. */
function place(mounted: Mounted, plan: MountPlan, { config, context, clone }: Placing): void {
  const { mount, options } = plan;
  const { destination } = mount;
  if (components(destination).length === 0)
    throw new FathomError("invalid", `a mount may not cover the container's root: ${destination}`);
  const target = targetOf(mounted, plan, context);
  cover(mounted, destination);
  if (mount.type === "cgroup" && clone === undefined) {
    const wanted = { destination, attributes: options.own.set };
    const { before, rows, finish } = cgroupMount(target, wanted, { config, context });
    mounted.before.push(...before);
    mounted.rows.push(...rows);
    mounted.finish.push(...finish);
    return;
  }
  const made = clone ?? fileSystemMount(plan, mounted.finish);
  const attach = attachMount(made.fd, target.fd, {
    what: `mount ${destination}`,
    see: `grep ${destination} /proc/PID/mountinfo`,
  });
  // The rows of a clone stand at the beginning.
  const making = clone === undefined ? made.rows : [];
  const early = belongsToHost(config, mount.type);
  if (early) mounted.before.push(...making);
  mounted.rows.push(...(early ? [] : making), ...target.rows, attach);
  if (clone === undefined) mounted.made.set(destination, made.fd);
}

/** Whatever was made at a place or below it is out of sight when another mount is put there. */
function cover({ made }: Mounted, destination: string): void {
  for (const path of made.keys()) {
    if (path === destination || path.startsWith(`${destination}/`)) made.delete(path);
  }
}

/** Where a mount goes. Nothing may lead procfs and sysfs astray, on which masked and read-only paths stand. */
function targetOf(mounted: Mounted, { mount, options }: MountPlan, context: ProgramContext): Opened {
  const resolve = mount.type === "proc" || mount.type === "sysfs" ? RESOLVE.NO_SYMLINKS : 0;
  const isFile = options.bind !== undefined && context.kinds.get(mount.source ?? "") === "file";
  const [root, path] = within(mounted, mount.destination);
  return (isFile ? makeFile : makeDirectory)(root, path, { resolve });
}

/** The innermost file system of the rows' own making that holds a path, and the path in there. */
export function within({ root, made }: Mounted, path: string): [Argument, string] {
  const names = components(path);
  for (let length = names.length - 1; length > 0; length--) {
    const mount = made.get(`/${names.slice(0, length).join("/")}`);
    if (mount !== undefined) return [mount, `/${names.slice(length).join("/")}`];
  }
  return [root, path];
}

/** File systems whose superblock others share, or that are made empty: read-only is a matter of the mount alone. */
const VIRTUAL: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "tmpfs",
  "devpts",
  "mqueue",
  "cgroup2",
  "cgroup",
]);

/** A file system of the kernel's, or one on a device. */
function fileSystemMount({ mount, options }: MountPlan, finish: Call[]): Opened {
  const { own, deep, propagation, data } = options;
  const { destination, type, source } = mount;
  if (type === undefined || type === "bind")
    throw new FathomError("invalid", `the mount at ${destination} has no type and is no bind mount`);
  const wanted = own.set | deep.set;
  // Other mounts may have their targets in a tmpfs, so it becomes read-only when those are made.
  const later = type === "tmpfs" ? wanted & MOUNT_ATTR.RDONLY : 0;
  const superblock = !VIRTUAL.has(type) && (wanted & MOUNT_ATTR.RDONLY) !== 0 ? ["ro"] : [];
  const file = { type, source: source ?? type, data: [...superblock, ...data], attributes: wanted & ~later };
  const made = makeFileSystem(file, `make ${type} for ${destination}`);
  finish.push(
    ...changeMount(made.fd, { set: later, recursive: false, what: `make ${destination} read-only` }),
  );
  if (propagation === undefined) return made;
  const change = { propagation: propagation.value, recursive: propagation.recursive };
  return {
    rows: [
      ...made.rows,
      ...changeMount(made.fd, { ...change, what: `set the propagation of ${destination}` }),
    ],
    fd: made.fd,
  };
}

/** Rows for the very end, in the new root: whoever asked for a root that shares its mounts gets that now. */
export function propagationRows(config: RuntimeConfig): Call[] {
  const { value, recursive } = parsePropagation(config.linux.rootfsPropagation ?? "rslave");
  if (value !== MS.SHARED && value !== MS.UNBINDABLE) return [];
  const root = openHost("/");
  const what = "set the propagation of the root";
  return [...root.rows, ...changeMount(root.fd, { propagation: value, recursive, what })];
}
