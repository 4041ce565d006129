/**
 * The daemon's side: starts shims, finds those of an earlier daemon again, and speaks to them.
 *
 * One shim is kept ready ahead of need, made once the last one taken has started its container, so that neither its start nor
 * the container's waits for the other.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { recording, report } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import { FathomError } from "../std/errors.ts";
import { connectShim } from "./_remote.ts";
import { startShim } from "./_start.ts";
import type { Shim, Shims } from "./handle.ts";

export { ShimError } from "./_remote.ts";

export interface ShimsOptions {
  /** Directory of the sockets; made with mode 0700. */
  runDirectory: string;
  /** What starts the role `shim`; `--socket PATH` is added. */
  command: readonly string[];
}

/** The shims of this daemon. `close` ends the one that is kept ready; those with containers go on. */
export type ShimPool = Shims & { close(): Promise<void> };

/** A shim and the steps of making it, which belong to the receipt of whoever takes it. */
interface Ready {
  shim: Shim;
  steps: Step[];
}

/** sun_path of unix(7), without its terminating NUL. */
const LONGEST_SOCKET_PATH = 107;
/** A spare is made this long after one was taken, in milliseconds, if its container has not started before. */
const SPARE_DELAY = 500;

/** Makes a pool; the first spare is made at once. @throws {FathomError} invalid, when socket paths would be too long. */
export async function shims(options: ShimsOptions): Promise<ShimPool> {
  const longest = Buffer.byteLength(socketPath(options.runDirectory));
  if (longest > LONGEST_SOCKET_PATH)
    throw new FathomError(
      "invalid",
      `the run directory ${options.runDirectory} is too long: a shim's socket in it would have a path of ${longest} bytes, and unix sockets allow ${LONGEST_SOCKET_PATH}`,
    );
  await mkdir(options.runDirectory, { recursive: true, mode: 0o700 });
  let spare: Promise<Ready | undefined> | undefined;
  let closed = false;
  const restock = (): void => {
    if (closed || spare !== undefined) return;
    // A spare that cannot be made is no error: the next one to take a shim makes it and is told.
    const made = make(options).catch(() => undefined);
    spare = made;
    void made
      .then((ready) => ready?.shim.exited.catch(() => undefined))
      .then(() => {
        if (spare === made) spare = undefined;
      });
  };
  restock();
  return {
    take: async () => {
      const kept = spare;
      spare = undefined;
      const { shim, steps } = (await kept) ?? (await make(options));
      for (const step of steps) report(() => step);
      return restocking(shim, restock);
    },
    connect: (socket) => connectShim(socket),
    close: async () => {
      closed = true;
      (await spare)?.shim.close();
    },
  };
}

function socketPath(directory: string): string {
  return join(directory, `${crypto.randomUUID().slice(0, 13)}.sock`);
}

async function make({ runDirectory, command }: ShimsOptions): Promise<Ready> {
  const steps: Step[] = [];
  const socket = socketPath(runDirectory);
  await recording(
    "daemon",
    (step) => steps.push(step),
    () => startShim(command, socket),
  );
  const shim = await connectShim(socket);
  if (shim === undefined)
    throw new FathomError("internal", `a shim has ended as soon as it was started (${socket})`);
  return { shim, steps };
}

/** The shim, with the next spare made when it has launched or failed to, or has not been used for a while. */
function restocking(shim: Shim, restock: () => void): Shim {
  const timer = setTimeout(restock, SPARE_DELAY);
  return {
    ...shim,
    launch: async (launch) => {
      try {
        return await shim.launch(launch);
      } finally {
        clearTimeout(timer);
        restock();
      }
    },
  };
}
