/**
 * What a container sees of its control groups at /sys/fs/cgroup.
 *
 * On v2 that is one file system. On v1 it is a directory with one mount for each hierarchy and a link for each controller that
 * shares one (`cpu -> cpu,cpuacct`). With a cgroup namespace the container's own group is the root of what it sees; without one,
 * v1 shows just the container's directory and v2 the host's whole tree, as with every other runtime.
 */

import { basename } from "node:path/posix";
import { type Argument, type Call, type Hierarchy, MOUNT_ATTR, text } from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { attachMount, changeMount, cloneMount, makeFileSystem } from "./attach.ts";
import type { ProgramContext } from "./context.ts";
import { makeDirectory, type Opened } from "./rows.ts";
import { belongsToHost, hasUserNamespace } from "./user_namespace.ts";

export interface CgroupMount {
  destination: string;
  /** MOUNT_ATTR bits. */
  attributes: number;
}

interface Known {
  config: RuntimeConfig;
  context: ProgramContext;
}

/** The mount of type `cgroup`; `before` is for whoever has power over the host, `finish` for when all targets have been made. */
export function cgroupMount(
  target: Opened,
  { destination, attributes }: CgroupMount,
  { config, context }: Known,
): { before: Call[]; rows: Call[]; finish: Call[] } {
  const layout = context.host.cgroups;
  const place = { what: `mount ${destination}`, see: `grep ${destination} /proc/PID/mountinfo` };
  if (layout.version === 2) {
    const made = makeFileSystem({ type: "cgroup2", source: "cgroup", data: [], attributes }, "make cgroup2");
    const early = belongsToHost(config, "cgroup");
    const attach = attachMount(made.fd, target.fd, place);
    return {
      before: early ? made.rows : [],
      rows: [...(early ? [] : made.rows), ...target.rows, attach],
      finish: [],
    };
  }
  const readonly = attributes & MOUNT_ATTR.RDONLY;
  const directory = makeFileSystem(
    { type: "tmpfs", source: "tmpfs", data: ["mode=755"], attributes: attributes & ~MOUNT_ATTR.RDONLY },
    `make tmpfs for ${destination}`,
  );
  const isPrivate = config.linux.namespaces.some(({ type }) => type === "cgroup");
  const confined = hasUserNamespace(config);
  const before: Call[] = [];
  const parts = layout.hierarchies.flatMap((hierarchy, index) => {
    const own = context.cgroupDirectories[index] ?? hierarchy.root;
    const mount = isPrivate ? hierarchyMount(hierarchy, attributes) : directoryMount(own, attributes);
    const early = confined && !isPrivate;
    if (early) before.push(...mount.rows);
    const rest = early ? { ...mount, rows: [] } : mount;
    return hierarchyRows(directory.fd, { destination, hierarchy, mount: rest });
  });
  return {
    before,
    rows: [...directory.rows, ...target.rows, attachMount(directory.fd, target.fd, place), ...parts],
    finish: changeMount(directory.fd, {
      set: readonly,
      recursive: false,
      what: `make ${destination} read-only`,
    }),
  };
}

/** The hierarchy as the container's cgroup namespace shows it. */
function hierarchyMount({ controllers }: Hierarchy, attributes: number): Opened {
  const what = `make cgroup ${controllers.join(",")}`;
  return makeFileSystem({ type: "cgroup", source: "cgroup", data: controllers, attributes }, what);
}

/** Nothing of the hierarchy but the container's own directory. */
function directoryMount(path: string, attributes: number): Opened {
  const clone = cloneMount({ path }, { recursive: false, what: `clone the mount of ${path}` });
  const change = changeMount(clone.fd, {
    set: attributes,
    recursive: false,
    what: `set the options of ${path}`,
  });
  return { rows: [...clone.rows, ...change], fd: clone.fd };
}

interface Part {
  destination: string;
  hierarchy: Hierarchy;
  mount: Opened;
}

/** Rows in the tmpfs `directory`, which is empty but for what they make. */
function hierarchyRows(directory: Argument, { destination, hierarchy, mount }: Part): Call[] {
  const name = basename(hierarchy.root);
  const target = makeDirectory(directory, name);
  const links = hierarchy.controllers.filter((controller) => controller !== name);
  return [
    ...target.rows,
    ...mount.rows,
    attachMount(mount.fd, target.fd, { what: `mount ${destination}/${name}` }),
    ...links.map((link): Call => {
      const args = [text(name), directory, text(link)];
      return { call: "symlinkat", args, may: ["EEXIST"], what: `link ${link} to ${name}` };
    }),
  ];
}
