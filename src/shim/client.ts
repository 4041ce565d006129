/**
 * The daemon's side: starts shims, finds those of an earlier daemon again, and speaks to them.
 *
 * A shim is kept ready ahead of need: one whose container has ended, or, where there is none, one that is made when nothing is
 * being started.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { recording, report } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import { FathomError } from "../std/errors.ts";
import { connectShim, type Remote } from "./_remote.ts";
import { type Ready, Spares } from "./_spares.ts";
import { startShim } from "./_start.ts";
import type { Shim, Shims } from "./handle.ts";

export { ShimError } from "./_channel.ts";

export interface ShimsOptions {
  /** Directory of the sockets; made with mode 0700. */
  runDirectory: string;
  /** What starts the role `shim`; `--socket PATH` is added. */
  command: readonly string[];
}

/** The shims of this daemon. `close` ends those without a container; the others go on. */
export type ShimPool = Shims & { close(): Promise<void> };

/** sun_path of unix(7), without its terminating NUL. */
const LONGEST_SOCKET_PATH = 107;

/** Makes a pool; the first spare is made at once. @throws {FathomError} invalid, when socket paths would be too long. */
export async function shims(options: ShimsOptions): Promise<ShimPool> {
  const longest = Buffer.byteLength(socketPath(options.runDirectory));
  if (longest > LONGEST_SOCKET_PATH)
    throw new FathomError(
      "invalid",
      `the run directory ${options.runDirectory} is too long: a shim's socket in it would have a path of ${longest} bytes, and unix sockets allow ${LONGEST_SOCKET_PATH}`,
    );
  await mkdir(options.runDirectory, { recursive: true, mode: 0o700 });
  const spares = new Spares(() => make(options));
  return {
    take: async () => {
      const { remote, steps } = await spares.take();
      for (const step of steps) report(() => step);
      return leased(remote, spares);
    },
    // Of an earlier daemon, and maybe of another build: it serves the container that it has, and no other.
    connect: async (socket) => (await connectShim(socket))?.handle(),
    close: () => spares.close(),
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
    (step) => steps.push(step()),
    () => startShim(command, socket),
  );
  const remote = await connectShim(socket);
  if (remote === undefined)
    throw new FathomError("internal", `a shim has ended as soon as it was started (${socket})`);
  return { remote, steps };
}

/** The shim for one container, after whose end it goes back. */
function leased(remote: Remote, spares: Spares): Shim {
  const shim = remote.handle();
  let given = true;
  return {
    ...shim,
    launch: (launch) => shim.launch(launch).finally(() => spares.restock()),
    close: () => {
      if (!given) return;
      given = false;
      if (remote.ended) void spares.takeBack(remote);
      else shim.close();
    },
  };
}
