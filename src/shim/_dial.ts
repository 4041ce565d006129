/** Connects to a shim's socket. */

import { unlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { FathomError } from "../std/errors.ts";

/** A connection to a socket; undefined when nobody listens there. */
export async function dial(socket: string): Promise<Socket | undefined> {
  const connection = connect({ path: socket, allowHalfOpen: true });
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    connection.once("connect", () => resolve(undefined));
    connection.once("error", resolve);
  });
  if (failure === undefined) return connection;
  connection.destroy();
  // Another may have taken the dead socket away in the meantime.
  if (failure.code === "ECONNREFUSED") await unlink(socket).catch(() => undefined);
  if (failure.code === "ECONNREFUSED" || failure.code === "ENOENT") return undefined;
  throw new FathomError("internal", `cannot connect to the shim at ${socket}`, { cause: failure });
}
