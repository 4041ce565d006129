/** Frames of RFC 6455 section 5: those of a client taken apart as they come, and those for it. */

/** Status codes of section 7.4.1. */
export const CLOSE = { normal: 1000, protocolError: 1002, noStatus: 1005, invalidText: 1007 } as const;

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MOST_CONTROL = 125;
const LONG = 126;
const LONGEST = 127;

/** What a client says; `data` is lent and valid until the next is asked for. */
export type Said =
  | { type: "data"; data: Uint8Array }
  | { type: "ping"; data: Uint8Array }
  | { type: "close"; code: number };

/** A client broke the protocol; `code` is what it is told. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface Frame {
  opcode: number;
  isLast: boolean;
  mask: Uint8Array;
  /** Bytes of the payload that are still to come, and how many have come. */
  left: number;
  at: number;
}

/** Takes a client's bytes, however they fall. */
export class FrameReader {
  /** The beginning of a header, or the payload of a control frame. */
  #held = new Uint8Array(0);
  #frame: Frame | undefined;
  /** The message that has begun: text is checked as it comes. */
  #message: { text: TextDecoder | undefined } | undefined;

  /** @throws {FrameError} */
  *read(bytes: Uint8Array): Generator<Said> {
    let rest = bytes;
    while (rest.length > 0 || this.#frame?.left === 0) {
      if (this.#frame === undefined) {
        rest = this.#readHeader(rest);
        continue;
      }
      const part = rest.subarray(0, this.#frame.left);
      rest = rest.subarray(part.length);
      const said = this.#take(this.#frame, unmasked(part, this.#frame));
      if (said !== undefined) yield said;
    }
  }

  /** Adds to what is held until that is a header; gives what comes behind it. */
  #readHeader(bytes: Uint8Array): Uint8Array {
    const all = joined(this.#held, bytes);
    const size = headerSize(all);
    if (size === undefined || all.length < size) {
      this.#held = all;
      return new Uint8Array(0);
    }
    this.#held = new Uint8Array(0);
    this.#frame = this.#checked(parseHeader(all, size));
    return all.subarray(size);
  }

  #checked(frame: Frame): Frame {
    const { opcode } = frame;
    if (opcode >= OPCODE.close) return frame;
    if ((opcode === OPCODE.continuation) !== (this.#message !== undefined))
      throw new FrameError(CLOSE.protocolError, "a frame is no part of the message that has begun");
    this.#message ??= {
      text: opcode === OPCODE.text ? new TextDecoder("utf-8", { fatal: true }) : undefined,
    };
    return frame;
  }

  /** A piece of a frame's payload; what is to be told of it. */
  #take(frame: Frame, part: Uint8Array): Said | undefined {
    frame.left -= part.length;
    frame.at += part.length;
    const isDone = frame.left === 0;
    if (isDone) this.#frame = undefined;
    if (frame.opcode < OPCODE.close) return this.#takeData(frame, part);
    this.#held = joined(this.#held, part);
    if (!isDone) return undefined;
    const payload = this.#held;
    this.#held = new Uint8Array(0);
    if (frame.opcode === OPCODE.ping) return { type: "ping", data: payload };
    return frame.opcode === OPCODE.close ? { type: "close", code: closeCode(payload) } : undefined;
  }

  #takeData({ isLast, left }: Frame, part: Uint8Array): Said | undefined {
    const ends = isLast && left === 0;
    try {
      this.#message?.text?.decode(part, { stream: !ends });
    } catch (cause) {
      throw new FrameError(CLOSE.invalidText, `text that is not UTF-8: ${String(cause)}`);
    }
    if (ends) this.#message = undefined;
    return part.length > 0 ? { type: "data", data: part } : undefined;
  }
}

/** How long the header is that begins here; undefined where too little of it has come. */
function headerSize(bytes: Uint8Array): number | undefined {
  const second = bytes[1];
  if (second === undefined) return undefined;
  const length = second & ~MASKED;
  const extended = length === LONG ? 2 : length === LONGEST ? 8 : 0;
  return 2 + extended + ((second & MASKED) === 0 ? 0 : 4);
}

function parseHeader(bytes: Uint8Array, size: number): Frame {
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  const isLast = (first & FIN) !== 0;
  const left = payloadLength(bytes, second & ~MASKED);
  const isControl = opcode >= OPCODE.close;
  const wrong =
    ((first & RESERVED) !== 0 && "a frame uses an extension that was not agreed upon") ||
    (((opcode > OPCODE.binary && !isControl) || opcode > OPCODE.pong) && `there is no opcode ${opcode}`) ||
    ((second & MASKED) === 0 && "a client's frames must be masked") ||
    (isControl && (!isLast || left > MOST_CONTROL) && "a control frame must be short and whole");
  if (wrong !== false) throw new FrameError(CLOSE.protocolError, wrong);
  return { opcode, isLast, mask: bytes.slice(size - 4, size), left, at: 0 };
}

function payloadLength(bytes: Uint8Array, short: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (short === LONG) return view.getUint16(2);
  if (short !== LONGEST) return short;
  const length = Number(view.getBigUint64(2));
  if (Number.isSafeInteger(length)) return length;
  throw new FrameError(CLOSE.protocolError, "a frame is longer than any can be");
}

/** Section 5.3. */
function unmasked(part: Uint8Array, { mask, at }: Frame): Uint8Array {
  const result = new Uint8Array(part.length);
  for (let index = 0; index < part.length; index++)
    result[index] = (part[index] ?? 0) ^ (mask[(at + index) % 4] ?? 0);
  return result;
}

function closeCode(payload: Uint8Array): number {
  if (payload.length === 0) return CLOSE.noStatus;
  const code = payload.length < 2 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  const isAllowed =
    (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code));
  if (!isAllowed)
    throw new FrameError(CLOSE.protocolError, "a close frame has a status that there is none of");
  return code;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** A whole message of output, unmasked as a server's are. */
export function dataFrame(data: Uint8Array, kind: "text" | "binary"): Uint8Array {
  return frameOf(OPCODE[kind], data);
}

export function pongFrame(data: Uint8Array): Uint8Array {
  return frameOf(OPCODE.pong, data);
}

export function closeFrame(code: number): Uint8Array {
  if (code === CLOSE.noStatus) return frameOf(OPCODE.close, new Uint8Array(0));
  return frameOf(OPCODE.close, Uint8Array.of(code >> 8, code & 0xff));
}

function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const header = new Uint8Array(length < LONG ? 2 : length < 2 ** 16 ? 4 : 10);
  const view = new DataView(header.buffer);
  header[0] = FIN | opcode;
  header[1] = header.length === 2 ? length : header.length === 4 ? LONG : LONGEST;
  if (header.length === 4) view.setUint16(2, length);
  if (header.length === 10) view.setBigUint64(2, BigInt(length));
  return joined(header, payload);
}
