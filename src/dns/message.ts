/**
 * DNS messages on the wire: RFC 1035, section 4; RFC 6891 for what EDNS adds. Pure.
 *
 * Only what a resolver of names needs is taken apart: the header and the one question. What is forwarded is passed on as bytes, so
 * that nothing which this file does not know is lost. Every input is hostile: a message is read once from its beginning, pointers
 * are followed nowhere, and what does not fit the limits of the standard is no question.
 */

export const TYPE = { A: 1, PTR: 12, MX: 15, OPT: 41, AAAA: 28, ANY: 255 } as const;
export const RCODE = {
  OK: 0,
  FORMAT: 1,
  SERVER: 2,
  UNKNOWN_NAME: 3,
  NOT_IMPLEMENTED: 4,
  REFUSED: 5,
} as const;
export const HEADER = 12;
/** Of a datagram, without EDNS. */
const PLAIN_SIZE = 512;
/** However much an asker says it takes. */
export const MOST_ROOM = 4096;
/** What we say we take by UDP: it fits one Ethernet frame with IPv6, so that nothing is fragmented (dnsflagday.net/2020). */
const OWN_SIZE = 1232;
/** The most bytes of a name, and of one of its labels. */
const MOST_NAME = 255;
const MOST_LABEL = 63;
const CLASS_INTERNET = 1;
const FLAG = { RESPONSE: 0x80, TRUNCATED: 0x02, RECURSE: 0x01, AVAILABLE: 0x80 } as const;
const OPCODE = 0x78;
/** A pointer to the question's name, which stands right behind the header. */
const POINTER_TO_QUESTION = 0xc000 | HEADER;

/** A query with one question. */
export interface Query {
  id: number;
  /** In lower case, without the last dot; labels that hold a dot or other than ASCII are in no table, and stand as `?`. */
  name: string;
  type: number;
  /** False for classes other than the internet's. */
  internet: boolean;
  /** Where the question ends. */
  end: number;
  /** The bytes that an answer by UDP may have. */
  room: number;
  /** Whether the asker speaks EDNS, and an answer must too. */
  edns: boolean;
}

/** What came: a query; what is answered with a code; or what is passed over in silence. */
export type Read = { query: Query } | { refuse: number } | undefined;

/** Takes a message apart that somebody sent to the resolver. */
export function readQuery(bytes: Uint8Array): Read {
  if (bytes.length < HEADER || (at(bytes, 2) & FLAG.RESPONSE) !== 0) return undefined;
  if ((at(bytes, 2) & OPCODE) !== 0) return { refuse: RCODE.NOT_IMPLEMENTED };
  const question = u16(bytes, 4) === 1 && u16(bytes, 6) === 0 ? readQuestion(bytes) : undefined;
  if (question === undefined) return { refuse: RCODE.FORMAT };
  const edns = u16(bytes, 10) === 0 ? undefined : ednsSize(bytes, question.end);
  const query = { id: u16(bytes, 0), ...question, edns: edns !== undefined, room: roomOf(edns) };
  return { query };
}

/** Less than 512 counts as 512: RFC 6891, section 6.2.3. */
function roomOf(edns: number | undefined): number {
  return edns === undefined ? PLAIN_SIZE : Math.max(PLAIN_SIZE, Math.min(edns, MOST_ROOM));
}

function readQuestion(bytes: Uint8Array): Pick<Query, "name" | "type" | "internet" | "end"> | undefined {
  const labels: string[] = [];
  let place = HEADER;
  for (;;) {
    const length = bytes[place];
    // Nothing stands before the question that a pointer could mean.
    if (length === undefined || length > MOST_LABEL) return undefined;
    place += 1;
    if (length === 0) break;
    if (place + length >= bytes.length || place + length - HEADER > MOST_NAME - 1) return undefined;
    labels.push(labelText(bytes, place, length));
    place += length;
  }
  if (place + 4 > bytes.length) return undefined;
  const internet = u16(bytes, place + 2) === CLASS_INTERNET;
  return { name: labels.join("."), type: u16(bytes, place), internet, end: place + 4 };
}

const NO_LABEL = "?";
const DOT = 46;
const DELETE = 127;

function labelText(bytes: Uint8Array, start: number, length: number): string {
  let label = "";
  for (let index = start; index < start + length; index++) {
    const byte = at(bytes, index);
    if (byte <= 32 || byte >= DELETE || byte === DOT) return NO_LABEL;
    label += String.fromCharCode(byte >= 65 && byte <= 90 ? byte + 32 : byte);
  }
  return label;
}

/** The asker's size, where the first record behind the question is EDNS's; a resolver's queries have no other there. */
function ednsSize(bytes: Uint8Array, end: number): number | undefined {
  if (u16(bytes, 8) !== 0 || bytes.length < end + 11 || at(bytes, end) !== 0) return undefined;
  return u16(bytes, end + 1) === TYPE.OPT ? u16(bytes, end + 3) : undefined;
}

/** A record of an answer: its type and its data. */
export interface Answer {
  type: number;
  data: Uint8Array;
}

/** How long an answer may be kept, in seconds. Docker says 600: too long for containers that come, go and move. */
const TIME_TO_LIVE = 5;
const RECORD = 12;
const EDNS_RECORD = 11;

/** The answer to a query, the question repeated as it came. Records for which there is no `room` are left out, and it says so. */
export function encodeAnswer(
  request: Uint8Array,
  query: Query,
  { code = RCODE.OK, answers = [], room }: { code?: number; answers?: readonly Answer[]; room: number },
): Uint8Array {
  const tail = query.edns ? EDNS_RECORD : 0;
  let size = query.end + tail;
  let fitting = 0;
  for (const { data } of answers) {
    if (size + RECORD + data.length > room) break;
    size += RECORD + data.length;
    fitting += 1;
  }
  // Without a view or a buffer of its own it lies in the collector's heap, and costs next to nothing.
  const bytes = new Uint8Array(size);
  for (let index = 0; index < query.end; index++) bytes[index] = at(request, index);
  const cut = fitting < answers.length ? FLAG.TRUNCATED : 0;
  setHeader(bytes, { code, cut, additional: query.edns ? 1 : 0, answers: fitting });
  let place = query.end;
  for (let index = 0; index < fitting; index++) {
    const answer = answers[index];
    if (answer !== undefined) place = putRecord(bytes, place, answer);
  }
  if (query.edns) {
    put16(bytes, place + 1, TYPE.OPT);
    put16(bytes, place + 3, OWN_SIZE);
  }
  return bytes;
}

/** Gives where the next one goes. */
function putRecord(bytes: Uint8Array, place: number, { type, data }: Answer): number {
  put16(bytes, place, POINTER_TO_QUESTION);
  put16(bytes, place + 2, type);
  put16(bytes, place + 4, CLASS_INTERNET);
  put16(bytes, place + 8, TIME_TO_LIVE);
  put16(bytes, place + 10, data.length);
  bytes.set(data, place + RECORD);
  return place + RECORD + data.length;
}

function setHeader(
  bytes: Uint8Array,
  { code, cut, answers, additional }: { code: number; cut: number; answers: number; additional: number },
): void {
  bytes[2] = FLAG.RESPONSE | cut | (at(bytes, 2) & (OPCODE | FLAG.RECURSE));
  bytes[3] = FLAG.AVAILABLE | code;
  put16(bytes, 4, 1);
  put16(bytes, 6, answers);
  put16(bytes, 8, 0);
  put16(bytes, 10, additional);
}

function put16(bytes: Uint8Array, index: number, value: number): void {
  bytes[index] = value >> 8;
  bytes[index + 1] = value & 0xff;
}

/** Answers what is no query of ours with a code: the header alone, as nobody knows where its question ends. */
export function encodeRefusal(request: Uint8Array, code: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(HEADER));
  bytes.set(request.subarray(0, 3));
  bytes[2] = FLAG.RESPONSE | (at(bytes, 2) & (OPCODE | FLAG.RECURSE));
  bytes[3] = FLAG.AVAILABLE | code;
  return bytes;
}

/** Whether bytes are the response to a query that was sent with `id`: the question must be there, in any case of letters. */
export function answersTo(
  reply: Uint8Array,
  request: Uint8Array,
  { id, end }: { id: number; end: number },
): boolean {
  if (reply.length < HEADER || u16(reply, 0) !== id || (at(reply, 2) & FLAG.RESPONSE) === 0) return false;
  // Servers that understand nothing repeat no question.
  if (u16(reply, 4) === 0) return codeOf(reply) !== RCODE.OK && codeOf(reply) !== RCODE.UNKNOWN_NAME;
  if (u16(reply, 4) !== 1 || reply.length < end) return false;
  for (let index = HEADER; index < end; index++)
    if (lower(at(reply, index)) !== lower(at(request, index))) return false;
  return true;
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/** A message under another number; the bytes given stay as they are. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(message.length));
  bytes.set(message);
  bytes[0] = id >> 8;
  bytes[1] = id & 0xff;
  return bytes;
}

/** A response of which only header and question are left, for an asker who has no room for more and is to ask by TCP. */
export function truncated(message: Uint8Array, end: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(end));
  bytes.set(message.subarray(0, end));
  bytes[2] = at(bytes, 2) | FLAG.TRUNCATED;
  bytes.fill(0, 6, HEADER);
  return bytes;
}

/** The response code, without what EDNS adds to it. */
export function codeOf(message: Uint8Array): number {
  return at(message, 3) & 0x0f;
}

/** A name as it stands on the wire. */
export function encodeName(name: string): Uint8Array {
  const labels = name.split(".").map((label) => new TextEncoder().encode(label).subarray(0, MOST_LABEL));
  const kept = labels.filter(({ length }) => length > 0);
  const bytes = new Uint8Array(kept.reduce((sum, { length }) => sum + 1 + length, 1));
  let place = 0;
  for (const label of kept) {
    bytes[place] = label.length;
    bytes.set(label, place + 1);
    place += 1 + label.length;
  }
  return bytes;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function u16(bytes: Uint8Array, index: number): number {
  return (at(bytes, index) << 8) | at(bytes, index + 1);
}
