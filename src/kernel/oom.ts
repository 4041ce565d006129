/**
 * Hearing of a want of memory in a control group while its processes live.
 *
 * Version 1 rings an eventfd that is registered in cgroup.event_control (cgroup-v1/memory.rst, "OOM Control"); a file of version 2
 * is polled (cgroup-v2.rst, "Basic Operations", notifications). Neither costs anything until the kernel has something to tell.
 */

import { type Cgroup, cgroupLayout } from "./cgroup.ts";
import { readControlFile, writeControlFile } from "./control_file.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { closeFd, owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { changed, readable } from "./ready.ts";
import { check, sys } from "./syscall.ts";
import { watching } from "./watching.ts";

/**
 * Calls `heard` whenever the kernel has told that the group wants for memory: it is then asked what has come of it. Ends with
 * its disposal. Undefined where the group has no memory controller, or is gone.
 * @param failed takes an error that ends the watching early
 * @throws {SyscallError}
 */
export function watchOom(
  cgroup: Cgroup,
  heard: () => void,
  failed: (sentence: string) => void,
): Disposable | undefined {
  const directory = cgroup.directoryOf("memory");
  if (directory === undefined || readControlFile(`${directory}/cgroup.procs`) === undefined) return undefined;
  return cgroupLayout().version === 1
    ? watchLegacy(directory, heard, failed)
    : watchControlFile(`${directory}/memory.events`, heard, failed);
}

function watchLegacy(directory: string, heard: () => void, failed: (sentence: string) => void): Disposable {
  return watching(failed, (bell) => {
    const path = `${directory}/memory.oom_control`;
    using control = owned(check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`));
    writeControlFile(
      `${directory}/cgroup.event_control`,
      `${bell} ${control.fd}`,
      "hear of a want of memory",
    );
    return {
      next: async () => {
        await readable(bell);
        sys("read", bell, new Uint8Array(8), 8);
      },
      heard,
      close: () => undefined,
    };
  });
}

/** Calls `heard` whenever a file of cgroupfs that notifies of its changes has changed. @throws {SyscallError} */
export function watchControlFile(
  path: string,
  heard: () => void,
  failed: (sentence: string) => void,
): Disposable {
  return watching(failed, (bell) => {
    const fd = check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`);
    const read = () => sys("lseek", fd, 0, 0) >= 0 && sys("read", fd, content, content.length) >= 0;
    const content = new Uint8Array(4096);
    read();
    return {
      next: async () => {
        await changed(fd, bell);
        // What is not read anew would tell of the same change for ever; a file that is gone tells nothing any more.
        if (!read()) throw new SyscallError(`read ${path}`, ERRNO.ENODEV);
      },
      heard,
      close: () => closeFd(fd),
    };
  });
}
