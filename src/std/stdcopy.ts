/**
 * Docker's multiplexed stream: standard output and standard error over one connection.
 *
 * A frame is 8 bytes of header and its payload. Header: byte 0 names the stream, bytes 1 to 3 are 0, bytes 4 to 7 are the
 * payload's length, big-endian. Source: Engine API, "Attach to a container", stream format.
 */

export const HEADER_LENGTH = 8;

/**
 * Byte 0 of a header. `systemerr` carries an error of the engine itself; `exit`, which is Fathom's own and comes only to those who
 * ask for it, the program's exit code in decimal, behind all its output.
 */
const STREAMS = ["stdin", "stdout", "stderr", "systemerr", "exit"] as const;
export type StreamName = (typeof STREAMS)[number];

/** Writes a frame's header into `target` at `at`. */
export function putHeader(
  target: Uint8Array,
  at: number,
  frame: { stream: StreamName; length: number },
): void {
  target.fill(0, at, at + 4);
  target[at] = STREAMS.indexOf(frame.stream);
  new DataView(target.buffer, target.byteOffset).setUint32(at + 4, frame.length);
}

/** One frame: header and payload in one piece. */
export function frame(stream: StreamName, payload: Uint8Array): Uint8Array {
  const whole = new Uint8Array(HEADER_LENGTH + payload.length);
  putHeader(whole, 0, { stream, length: payload.length });
  whole.set(payload, HEADER_LENGTH);
  return whole;
}

/**
 * Takes a multiplexed stream apart, however its chunks fall. Payloads are handed on as they come, not gathered to whole
 * frames, as views of the chunk.
 *
 *     const demultiplex = demultiplexer((stream, bytes) => …);
 *     for await (const chunk of connection) demultiplex(chunk);
 *
 * @throws {RangeError} from the returned function, when a header names no stream: the data is not multiplexed.
 */
export function demultiplexer(
  take: (stream: StreamName, bytes: Uint8Array) => void,
): (chunk: Uint8Array) => void {
  const header = new Uint8Array(HEADER_LENGTH);
  let headerFilled = 0;
  let left = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + HEADER_LENGTH - headerFilled);
        header.set(part, headerFilled);
        headerFilled += part.length;
        at += part.length;
        if (headerFilled < HEADER_LENGTH) return;
        headerFilled = 0;
        left = new DataView(header.buffer).getUint32(4);
        continue;
      }
      const payload = chunk.subarray(at, at + left);
      take(streamOf(header), payload);
      left -= payload.length;
      at += payload.length;
    }
  };
}

function streamOf(header: Uint8Array): StreamName {
  const stream = STREAMS[header[0] ?? 0];
  if (stream === undefined || header[1] !== 0 || header[2] !== 0 || header[3] !== 0)
    throw new RangeError("the stream is not multiplexed: a frame's header is not Docker's");
  return stream;
}
