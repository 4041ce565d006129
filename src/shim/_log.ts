/** Where a program's output is kept: in files, at a syslog server, or both. */

import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Link } from "../logs/syslog.ts";
import type { FileTarget, LogTarget } from "../logs/target.ts";
import { LogFile, type LogPosition, type OutputStream } from "../logs/writer.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { noteTrouble } from "./_files.ts";

/** Disposing it ends both streams and resolves when all is kept. */
export interface ProgramLog extends AsyncDisposable {
  /** Takes output. A promise holds up the program until it settles. */
  write(stream: OutputStream, bytes: Uint8Array): Promise<unknown> | undefined;
  /** Where in the files the next record will stand; undefined where there are none. */
  readonly position: LogPosition | undefined;
  /** The line that a stream has begun. Valid until the next write. */
  unfinished(stream: OutputStream): Uint8Array;
  /** Whether something is under way that would be lost with this process. */
  readonly busy: boolean;
}

/**
 * Opens the log of a program that is about to start; undefined where nothing is kept. `directory` is where troubles are noted.
 * @throws {FathomError} when a server cannot be reached, in Docker's words.
 */
export async function openLog(target: LogTarget, directory: string): Promise<ProgramLog | undefined> {
  if (target.driver !== "syslog") return fileLog(target, directory);
  const [{ dialSyslog }, { datagramLink }] = await syslogModules();
  const link = await dialSyslog(target.syslog, datagramLink).catch((cause) => {
    throw new FathomError("internal", `failed to initialize logging driver: ${messageOf(cause)}`, { cause });
  });
  return syslogLog(target, { directory, link });
}

/** The same for a program that runs already. */
export async function reopenLog(target: LogTarget, directory: string): Promise<ProgramLog | undefined> {
  return target.driver === "syslog" ? syslogLog(target, { directory }) : fileLog(target, directory);
}

function fileLog(
  target: Exclude<LogTarget, { driver: "syslog" }>,
  directory: string,
): ProgramLog | undefined {
  if (target.driver === "none") return undefined;
  if (target.driver === "local") makeDirectory(dirname(target.path));
  const file = openFile(target, directory);
  return {
    write: (stream, bytes) => {
      file.write(stream, bytes);
      return undefined;
    },
    get position() {
      return file.position;
    },
    unfinished: (stream) => file.unfinished(stream),
    get busy() {
      return file.busy;
    },
    [Symbol.asyncDispose]: async () => file[Symbol.dispose](),
  };
}

async function syslogLog(
  { syslog: target, cache }: Extract<LogTarget, { driver: "syslog" }>,
  { directory, link }: { directory: string; link?: Link },
): Promise<ProgramLog> {
  const [{ Syslog }, { datagramLink }] = await syslogModules();
  const file = cache === undefined ? undefined : openFile(cache, directory);
  const onLoss = (sentence: string): void => noteTrouble(directory, sentence);
  const server = new Syslog(target, { datagrams: datagramLink, onLoss }, link);
  return {
    write: (stream, bytes) => {
      file?.write(stream, bytes);
      return server.write(stream, bytes);
    },
    get position() {
      return file?.position;
    },
    unfinished: (stream) => server.unfinished(stream),
    get busy() {
      return !server.idle || file?.busy === true;
    },
    [Symbol.asyncDispose]: async () => {
      file?.[Symbol.dispose]();
      await server.close();
    },
  };
}

/** Alone, not its parents: a container that is being removed does not come back. */
function makeDirectory(path: string): void {
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
}

/** Loaded by the few who need it. */
function syslogModules() {
  return Promise.all([import("../logs/syslog.ts"), import("./_datagram_link.ts")]);
}

function openFile(target: FileTarget, directory: string): LogFile {
  return new LogFile({
    ...target,
    onLoss: (error, bytes) =>
      noteTrouble(
        directory,
        `log: ${messageOf(error)}${bytes > 0 ? `; ${bytes} bytes of log were lost` : ""}`,
      ),
  });
}
