/** Whose a container's control group is: runtime-spec config-linux.md, "Cgroup ownership". */

import type { Owner } from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { hostId } from "./user_namespace.ts";

/**
 * Whose on the host it is to be; undefined where it stays root's. It is the user of the container's program, where that sees its own
 * group alone (a cgroup namespace) and may write in it. It counts in v2 only. The group too, which the specification leaves open: with
 * a user namespace the process enters as its root, whom the kernel lets pass only where both are mapped.
 */
export function cgroupOwner({ linux, mounts, process }: RuntimeConfig): Owner | undefined {
  const own = linux.namespaces.some(({ type, path }) => type === "cgroup" && path === undefined);
  const mount = mounts.findLast(({ destination }) => destination === "/sys/fs/cgroup");
  if (!own || mount === undefined || mount.options?.includes("ro")) return undefined;
  const { uid, gid } = process.user;
  if (!linux.namespaces.some(({ type }) => type === "user")) return uid === 0 ? undefined : { uid, gid };
  const [user, group] = [hostId(linux.uidMappings, uid), hostId(linux.gidMappings, gid)];
  return user === undefined || group === undefined ? undefined : { uid: user, gid: group };
}
