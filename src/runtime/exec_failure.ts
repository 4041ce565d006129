/**
 * Why a program could not be executed, in a sentence.
 *
 * execve(2) answers ENOENT alike for a missing program and for a missing interpreter, and PATH is tried by the process itself,
 * which can only say that nothing worked. So the root is looked at afterwards. Docker's wording stands wherever it has one, since
 * tools match on it; what is added follows after a colon.
 */

import { readdirSync } from "node:fs";
import { resolve } from "node:path/posix";
import { ARCH, ERRNO, O, openInRoot, owned, S, type Stat, SyscallError, statFd, sys } from "../kernel/mod.ts";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { codeOf } from "../std/absent.ts";
import { parseExecutable } from "./executable.ts";
import { nearNames } from "./near_names.ts";
import { programPaths } from "./program/mod.ts";
import { RuntimeError, type StartFailure } from "./runtime.ts";

/**
 * The error of a container, or of an exec in it, whose program was not executed.
 * @param root the container's root as the host sees it.
 * @param error what the last execve row answered.
 */
export function explainExecFailure(
  root: string,
  { process, mounts }: Pick<RuntimeConfig, "process" | "mounts">,
  error: SyscallError,
): RuntimeError {
  const failure = (message: string, exitCode: StartFailure): RuntimeError =>
    new RuntimeError("invalid", message, { cause: error, exitCode });
  const name = process.args[0] ?? "";
  const quoted = JSON.stringify(name);
  const look = (path: string): Found | undefined => lookAt(root, mounts, resolve("/", process.cwd, path));
  const found = programPaths(process.args, process.env).map((path) => ({ path, file: look(path) }));
  if (!name.includes("/")) {
    const there = found.find(({ file }) => file !== undefined && isExecutable(file.stat));
    if (there?.file === undefined)
      return failure(`exec: ${quoted}: executable file not found in $PATH${nearTo(root, name, found)}`, 127);
    return failure(...explainFile(there.path, there.file, { error, look }));
  }
  const file = found[0]?.file;
  if (file === undefined) {
    // What is mounted where this does not look may hold it; then the kernel's answer is the better one.
    if (error.errno !== ERRNO.ENOENT && error.errno !== ERRNO.ENOTDIR)
      return failure(...explainErrno(name, error));
    return failure(`exec: ${quoted}: stat ${name}: no such file or directory`, 127);
  }
  // Clients of Docker 20.10 know 126 by the words of EACCES alone, which is also what the kernel says of a directory.
  if ((file.stat.mode & S.IFMT) === S.IFDIR)
    return failure(`exec: ${quoted}: is a directory: permission denied`, 126);
  if (!isExecutable(file.stat)) return failure(`exec: ${quoted}: permission denied`, 126);
  return failure(...explainFile(name, file, { error, look }));
}

/** Whether something that may be executed is where a program is looked for. */
export function isThere(
  root: string,
  { process, mounts }: Pick<RuntimeConfig, "process" | "mounts">,
): boolean {
  return programPaths(process.args, process.env).some((path) => {
    const file = lookAt(root, mounts, resolve("/", process.cwd, path));
    return file !== undefined && isExecutable(file.stat);
  });
}

/**
 * Why a program that is there cannot be executed, as far as its first bytes tell: it is no program, or the interpreter it names is
 * missing. Where the host has handlers for further formats (binfmt_misc) the kernel alone knows the first.
 */
export function formatFailure(
  root: string,
  { process, mounts }: Pick<RuntimeConfig, "process" | "mounts">,
): RuntimeError | undefined {
  const look = (path: string): Found | undefined => lookAt(root, mounts, resolve("/", process.cwd, path));
  const file = programPaths(process.args, process.env)
    .map(look)
    .find((one) => one && isExecutable(one.stat));
  if (file === undefined) return undefined;
  const executable = parseExecutable(file.head);
  const fails = (errno: number) =>
    explainExecFailure(root, { process, mounts }, new SyscallError(`execute ${process.args[0]}`, errno));
  if (executable.format === "unknown") return hasFurtherFormats() ? undefined : fails(ERRNO.ENOEXEC);
  const { interpreter } = executable;
  return interpreter === undefined || look(interpreter) !== undefined ? undefined : fails(ERRNO.ENOENT);
}

function hasFurtherFormats(): boolean {
  const own = new Set(["register", "status"]);
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").some((name) => !own.has(name));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return false;
  }
}

function nearTo(root: string, name: string, tried: readonly { path: string }[]): string {
  const near = nearNames(
    root,
    name,
    tried.map(({ path }) => path.slice(0, -name.length - 1) || "/"),
  );
  return near.length === 0 ? "" : `: near names there: ${near.join(", ")}`;
}

type Sentence = [message: string, exitCode: StartFailure];

interface Known {
  error: SyscallError;
  look: (path: string) => Found | undefined;
}

/** Why a file that is there and has an execute bit was refused. */
function explainFile(path: string, { head }: Found, { error, look }: Known): Sentence {
  const executable = parseExecutable(head);
  if (error.errno === ERRNO.ENOEXEC)
    return [`exec ${path}: exec format error: ${formatProblem(executable)}`, 126];
  const interpreter = executable.format === "unknown" ? undefined : executable.interpreter;
  if (error.errno === ERRNO.ENOENT && interpreter !== undefined && look(interpreter) === undefined)
    return [
      `exec ${path}: no such file or directory: it needs ${interpreter}, which is not in the image`,
      127,
    ];
  return explainErrno(path, error);
}

/** Machines whose programs this host executes too. */
const NATIVE: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86_64", "i386"],
  arm64: ["arm64", "arm"],
};

function formatProblem(executable: ReturnType<typeof parseExecutable>): string {
  if (executable.format === "unknown") return "it is no program, and no script that begins with #!";
  if (executable.format === "script") return `its interpreter ${executable.interpreter} is no program`;
  if (NATIVE[ARCH]?.includes(executable.machine)) return "it is damaged";
  return `it is a program for ${executable.machine}, and this host is ${ARCH}`;
}

function explainErrno(path: string, error: SyscallError): Sentence {
  if (error.errno === ERRNO.EACCES) return [`exec: ${JSON.stringify(path)}: permission denied`, 126];
  if (error.errno === ERRNO.E2BIG) return [`exec ${path}: argument list too long`, 126];
  if (error.errno === ERRNO.ENOENT) return [`exec ${path}: no such file or directory`, 127];
  return [`exec ${path}: ${error.code}`, 126];
}

interface Found {
  stat: Stat;
  /** The first bytes of a regular file. */
  head: Uint8Array;
}

const ANY_EXECUTE = 0o111;
const HEAD = 64 * 1024;

function isExecutable({ mode }: Stat): boolean {
  return (mode & S.IFMT) === S.IFREG && (mode & ANY_EXECUTE) !== 0;
}

/** A file of the container, in its root or in what is bound into it; undefined where nothing is found. */
function lookAt(root: string, mounts: RuntimeConfig["mounts"], path: string): Found | undefined {
  const covering = mounts.filter(
    ({ destination }) => path === destination || path.startsWith(`${destination}/`),
  );
  const nearest = covering.sort((a, b) => b.destination.length - a.destination.length)[0];
  const isBound = nearest?.options?.some((option) => option === "bind" || option === "rbind");
  const [directory, rest] =
    isBound && nearest?.source !== undefined
      ? [nearest.source, path.slice(nearest.destination.length)]
      : [root, path];
  try {
    return readHead(directory, rest);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

function readHead(directory: string, path: string): Found {
  using place = owned(openInRoot(directory, path || ".", O.PATH));
  const stat = statFd(place.fd);
  if ((stat.mode & S.IFMT) !== S.IFREG) return { stat, head: new Uint8Array(0) };
  using file = owned(openInRoot(directory, path || ".", O.RDONLY | O.NONBLOCK | O.NOCTTY));
  const buffer = new Uint8Array(new ArrayBuffer(HEAD));
  const length = sys("read", file.fd, buffer, buffer.length);
  return { stat, head: buffer.subarray(0, Math.max(0, length)) };
}
