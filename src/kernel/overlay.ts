/**
 * Overlay mounts: a container's root file system, made of its image's layers and a directory of its own.
 *
 * Layers are given one by one (fsconfig(2), "lowerdir+", since Linux 6.7) or, on older kernels, in the one page of text that
 * mount(2) takes. A directory whose name does not fit, or holds a character that overlay would interpret, is named by a
 * descriptor (`/proc/self/fd/7`), which needs no escaping; where even those are too long for the page, by the mere number of it (`7`),
 * seen from /proc/self/fd. So all of the 500 layers that overlay takes (OVL_MAX_STACK, Linux fs/overlayfs) fit.
 */

import { type Argument, named, text } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { openPath, owned } from "./file.ts";
import { FSCONFIG, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC } from "./flags.ts";
import { needing } from "./lacking.ts";
import { moveMount } from "./mount.ts";
import { perform, sys } from "./syscall.ts";

export interface Overlay {
  /** Read-only directories, topmost first; at least one, or two where there is no upper. */
  lowers: readonly string[];
  /** Where writes go, and an empty directory on the same file system. Without them the mount is read-only. */
  upper?: string;
  work?: string;
  target: string;
  /** Options of overlay itself (`metacopy=on`, `volatile`): Documentation/filesystems/overlayfs.rst. */
  options?: readonly string[];
}

/**
 * Mounts an overlay at its target.
 * @throws {SyscallError} with the kernel's own explanation where it gives one.
 */
export function mountOverlay(overlay: Overlay): void {
  const mount = probeOverlay() ? mountOneByOne : mountAtOnce;
  needing({ module: "overlay", refusal: "ENODEV" }, () => mount(overlay));
}

let oneByOne: boolean | undefined;

/** Finds out how this kernel takes layers, once: ahead of need, so that it is no part of a container's start or receipt. */
export function probeOverlay(): boolean {
  oneByOne ??= takesLayersOneByOne();
  return oneByOne;
}

/**
 * Whether this kernel's overlay knows "lowerdir+". Before Linux 6.5 its options went unread through fsconfig(2) and were refused
 * at the very end: such a kernel takes a name that no kernel knows, too.
 */
function takesLayersOneByOne(): boolean {
  const opened = sys("fsopen", "overlay", FSOPEN_CLOEXEC);
  if (opened < 0) return false;
  using context = owned(opened);
  const set = (key: string) => sys("fsconfig", context.fd, FSCONFIG.SET_STRING, key, "/", 0);
  return set("lowerdir+") === 0 && set("unheard-of") === -ERRNO.EINVAL;
}

/** fsconfig(2) takes no longer string. */
const LONGEST_VALUE = 255;

function mountOneByOne(overlay: Overlay): void {
  using stack = new DisposableStack();
  const opened = perform({
    call: "fsopen",
    args: [text("overlay"), named(FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC")],
    what: "begin an overlay mount",
  });
  const context = stack.use(owned(opened)).fd;
  configure(context, { key: "source", value: "overlay" });
  for (const lower of overlay.lowers) {
    configure(context, { key: "lowerdir+", value: nameFor(lower, stack) });
  }
  for (const parameter of furtherParameters(overlay, stack)) configure(context, parameter);
  create(context, overlay.target);
}

interface Parameter {
  key: string;
  /** Absent: a flag. */
  value?: string;
}

function furtherParameters({ upper, work, options = [] }: Overlay, stack: DisposableStack): Parameter[] {
  return [
    ...(upper === undefined ? [] : [{ key: "upperdir", value: nameFor(upper, stack) }]),
    ...(work === undefined ? [] : [{ key: "workdir", value: nameFor(work, stack) }]),
    ...options.map((option): Parameter => {
      const [key = "", ...value] = option.split("=");
      return value.length === 0 ? { key } : { key, value: value.join("=") };
    }),
  ];
}

/** The directory itself, or a descriptor that lasts as long as `stack`. */
function nameFor(directory: string, stack: DisposableStack): string {
  const plain = !/[\\:,"\s]/.test(directory) && Buffer.byteLength(directory) <= LONGEST_VALUE;
  return plain ? directory : nameByDescriptor(directory, stack);
}

function nameByDescriptor(directory: string, stack: DisposableStack): string {
  return `/proc/self/fd/${stack.use(owned(openPath(directory))).fd}`;
}

function configure(context: number, { key, value }: Parameter): void {
  const [command, shown] =
    value === undefined ? [FSCONFIG.SET_FLAG, "FLAG"] : [FSCONFIG.SET_STRING, "STRING"];
  const args = [overlayOf(context), named(command, `FSCONFIG_SET_${shown}`), text(key)];
  explained(context, () =>
    perform({
      call: "fsconfig",
      args: value === undefined ? args : [...args, text(value)],
      what: `set ${key} of an overlay`,
    }),
  );
}

function create(context: number, target: string): void {
  explained(context, () =>
    perform({
      call: "fsconfig",
      args: [overlayOf(context), named(FSCONFIG.CMD_CREATE, "FSCONFIG_CMD_CREATE"), 0, 0, 0],
      what: "make the overlay",
    }),
  );
  using mount = owned(
    perform({
      call: "fsmount",
      args: [overlayOf(context), named(FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), 0],
      what: "make a mount of the overlay",
    }),
  );
  moveMount(overlayOf(mount.fd), target);
}

function overlayOf(fd: number): Argument {
  return named(fd, `fd ${fd} (overlay)`);
}

/** Adds to an error what the kernel logged on the descriptor of fsopen(2) about it. */
function explained(context: number, act: () => number): void {
  try {
    act();
  } catch (error) {
    const log = readLog(context);
    if (!(error instanceof SyscallError) || log === "") throw error;
    throw new SyscallError(`${error.what} (${log})`, error.errno);
  }
}

/** Messages begin with their kind and a space (`e overlay: No changes allowed in reconfigure`); one is read at a time. */
function readLog(context: number): string {
  const buffer = new Uint8Array(1024);
  const lines: string[] = [];
  for (;;) {
    const count = sys("read", context, buffer, buffer.length);
    if (count <= 0) return lines.join("; ");
    lines.push(new TextDecoder().decode(buffer.subarray(2, count)).trim());
  }
}

/** mount(2) takes a page of options, its terminating NUL included. */
const MOST_DATA = 4095;

/** The way of older kernels. Exported for its test. @internal */
export function mountAtOnce(overlay: Overlay): void {
  using stack = new DisposableStack();
  const plain = dataOf(overlay, (directory) => nameFor(directory, stack));
  const data = fits(plain) ? plain : dataOf(overlay, (directory) => nameByDescriptor(directory, stack));
  if (fits(data)) mountWith(overlay, data);
  else mountFrom(DESCRIPTORS, () => mountWith(overlay, data.replaceAll(`${DESCRIPTORS}/`, "")));
}

const DESCRIPTORS = "/proc/self/fd";
const fits = (data: string): boolean => Buffer.byteLength(data) <= MOST_DATA;

function dataOf(overlay: Overlay, nameOf: (directory: string) => string): string {
  const { upper, work, options = [] } = overlay;
  return [
    `lowerdir=${overlay.lowers.map(nameOf).join(":")}`,
    ...(upper === undefined ? [] : [`upperdir=${nameOf(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${nameOf(work)}`]),
    ...options,
  ].join(",");
}

function mountWith({ target }: Overlay, data: string): void {
  perform({
    call: "mount",
    args: [text("overlay"), text(target), text("overlay"), 0, text(data)],
    what: `mount ${target}`,
    see: `findmnt ${target}`,
  });
}

/** The current directory is the whole process's: nothing else may run until it is back, so `act` waits for nothing. */
function mountFrom(directory: string, act: () => void): void {
  using before = owned(openPath("."));
  perform({ call: "chdir", args: [text(directory)], what: "name the layers by their numbers" });
  try {
    act();
  } finally {
    perform({ call: "fchdir", args: [named(before.fd, "the directory before")], what: "go back" });
  }
}
