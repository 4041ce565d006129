/** The program of a container's first process. */

import {
  type Argument,
  type Call,
  ERRNO,
  MNT,
  named,
  type Successor,
  type SyscallError,
  text,
} from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { clockRows } from "./clocks.ts";
import type { ProgramContext } from "./context.ts";
import { deviceRows, ownsDev } from "./devices.ts";
import { entryRows, umaskRow } from "./entry.ts";
import { gateRows } from "./gates.ts";
import { mountRows, propagationRows } from "./mounts.ts";
import { cgroupNamespaceRows, hostNameRows, isNew, joinRows, loopbackRows } from "./namespaces.ts";
import { maskedRows, readonlyRows } from "./paths.ts";
import { inheritedRows } from "./personality.ts";
import { writeText } from "./rows.ts";
import { filtered } from "./seccomp.ts";
import { settingRows, sysctlRows } from "./settings.ts";
import {
  consoleRows,
  controllingRows,
  descriptorRows,
  ownerRows,
  SESSION,
  terminalRows,
} from "./terminal.ts";
import { BECOME_ROOT, hasUserNamespace, hostSideRows, withoutPrivileged } from "./user_namespace.ts";
import { makeWorkingDirectory } from "./working_directory.ts";

/**
 * The system calls that make a process, born with `newNamespaces(config)`, the container of an OCI configuration.
 *
 * Pure: the same configuration and context give the same rows. The order is the whole of the art: groups before anything is
 * counted, mounts before the root changes, what the host's paths are needed for before pivot_root, identity before the
 * working directory, the filter last.
 * @throws {FathomError} invalid or unsupported, for what the configuration asks for and cannot have.
 */
export function containerProgram(
  config: RuntimeConfig,
  context: ProgramContext,
): { rows: Call[]; successor?: Successor } {
  const own = isNew(config, "mount");
  if (!own && hasUserNamespace(config))
    throw new FathomError("invalid", "a container in a user namespace needs a new mount namespace");
  const mounted = mountRows(config, context);
  const { root } = mounted;
  const devices = deviceRows(config, mounted, context);
  const devpts = mounted.made.get("/dev/pts");
  const { streams } = context;
  const terminal =
    "socket" in streams ? terminalRows(devpts ? { mount: devpts } : { root }, streams) : undefined;
  const confined = hasUserNamespace(config);
  const hostSide = confined
    ? hostSideRows(config, context, [...mounted.before, ...devices.before])
    : undefined;
  const process = confined ? withoutPrivileged(config.process) : config.process;
  const rows = [
    ...inheritedRows(config.linux, config.process),
    ...clockRows(config),
    ...(hostSide?.rows ?? []),
    ...cgroupRows(context.procs),
    umaskRow(0),
    SESSION_KEYRING,
    ...("descriptors" in streams ? descriptorRows(streams) : []),
    ...(confined ? cgroupNamespaceRows(config) : joinRows(config, context)),
    ...hostNameRows(config),
    ...loopbackRows(config),
    ...(confined ? [...sysctlRows(config), ...mounted.enter, ...BECOME_ROOT] : mounted.before),
    ...(confined ? [] : mounted.enter),
    ...mounted.rows,
    ...devices.rows,
    ...(terminal ? [...terminal.rows, ...(ownsDev(config) ? consoleRows(root, terminal.fd) : [])] : []),
    ...(confined ? [] : settingRows(config, context.host)),
    ...makeWorkingDirectory(root, config.process.cwd),
    ...readonlyRows(root, config.linux.readonlyPaths ?? []),
    ...maskedRows(root, config.linux.maskedPaths ?? [], context),
    ...mounted.finish,
    ...gateRows(context.gates),
    ...(own ? pivotRows(root) : chrootRows(root)),
    ...propagationRows(config),
    ...gateRows(context.gates),
    SESSION,
    ...(terminal ? controllingRows(terminal.fd) : []),
    ...(confined && "descriptors" in streams ? [] : ownerRows(streams, config.process.user.uid)),
    ...entryRows({
      process,
      seccomp: filtered(config.linux.seccomp, context.filter),
      root,
      home: context.home,
      host: context.host,
      preserved: context.preserved,
    }),
  ];
  return { rows, ...(hostSide && { successor: hostSide.successor }) };
}

/** cgroup v1: the process enters its groups itself. */
export function cgroupRows(procs: readonly number[]): Call[] {
  return procs.map((fd) => ({
    ...writeText(named(fd, `fd ${fd} (cgroup.procs)`), "0", "enter the control group"),
    see: "cat /proc/PID/cgroup",
  }));
}

const KEYCTL_JOIN_SESSION_KEYRING = 1;

/** An anonymous keyring of its own, or the container would have the shim's; a kernel without keyrings has nothing to hide. */
export const SESSION_KEYRING: Call = {
  call: "keyctl",
  args: [named(KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), 0],
  may: ["ENOSYS", "EDQUOT", "EPERM"],
  what: "begin a session keyring",
};

/**
 * Makes the root `/`, and the host's file systems vanish: pivot_root(2), "pivot_root(".", ".")", puts the old root on top of
 * the new one, whence it is taken away.
 */
function pivotRows(root: Argument): Call[] {
  return [
    { call: "fchdir", args: [root], what: "go to the root" },
    {
      call: "pivot_root",
      args: [text("."), text(".")],
      what: CHANGE_ROOT,
      see: "ls -l /proc/PID/root",
    },
    {
      call: "umount2",
      args: [text("."), named(MNT.DETACH, "MNT_DETACH")],
      what: "let go of the host's file systems",
    },
    { call: "chdir", args: [text("/")], what: "go to the new root" },
  ];
}

/** In a mount namespace in which others live their root stays: chroot(2) is for this process alone. */
function chrootRows(root: Argument): Call[] {
  return [
    { call: "fchdir", args: [root], what: "go to the root" },
    {
      call: "chroot",
      args: [text(".")],
      what: "change the root of this process",
      see: "ls -l /proc/PID/root",
    },
  ];
}

const CHANGE_ROOT = "change the root";

/**
 * What is wrong when the root cannot be changed; undefined for an error of other rows. pivot_root(2) needs a root that is a mount with
 * another below it, which a chroot's and the kernel's initramfs are not. To cover such a root instead (MS_MOVE and chroot(2)) would
 * leave all of the host below the container's, for whoever can take the cover away, so that is not done.
 */
export function rootFailure({ what, errno }: SyscallError): string | undefined {
  if (what !== CHANGE_ROOT || errno !== ERRNO.EINVAL) return undefined;
  return "cannot change the root: the engine's own root is an initramfs or a chroot, which no container can leave (pivot_root(2)): start the engine after switch_root(8), or with its root on a mount";
}
