/** A stream connection to a shim. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FathomError } from "../std/errors.ts";
import { dial } from "./_dial.ts";
import { encodeMessage, LineBuffer } from "./_messages.ts";
import type { AttachRequest } from "./handle.ts";
import type { Attached } from "./protocol.ts";

/** An attachment that is in place: nothing of the output behind `logOffset` will be missing from the stream. */
export interface AttachedStream {
  stream: Duplex;
  logOffset: number;
  /** Identity of the log file that `logOffset` is in. */
  logFile?: string;
}

/** Attaches to a program of the container that has a turn. @throws {FathomError} conflict, when it has ended; unavailable, when the shim is gone. */
export async function attach(
  socket: string,
  request: AttachRequest & { turn: number },
): Promise<AttachedStream> {
  const stream = await dial(socket);
  if (stream === undefined) throw new FathomError("unavailable", "the shim of the container is gone");
  stream.write(encodeMessage({ type: "attach", ...request }));
  try {
    const reply = await firstLine(stream);
    if (reply.type === "refused") throw new FathomError("conflict", reply.message);
    const { logOffset, logFile } = reply;
    return { stream, logOffset, ...(logFile !== undefined && { logFile }) };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Takes the reply off the stream and leaves all that came behind it; nothing flows until somebody reads. */
function firstLine(stream: Socket): Promise<Attached> {
  return new Promise((resolve, reject) => {
    const lines = new LineBuffer();
    const settle = (result: () => void): void => {
      stream.off("readable", take);
      stream.off("close", gone);
      stream.off("error", gone);
      result();
    };
    const gone = (): void =>
      settle(() => reject(new FathomError("unavailable", "the shim of the container is gone")));
    const take = (): void => {
      const chunk: Buffer | null = stream.read();
      if (chunk !== null) lines.push(chunk);
      const line = lines.line();
      if (line === undefined) return;
      settle(() => resolve(JSON.parse(line)));
      const rest = lines.rest();
      if (rest.length > 0) stream.unshift(rest);
    };
    stream.on("readable", take);
    stream.on("close", gone);
    stream.on("error", gone);
  });
}
