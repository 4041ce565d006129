/**
 * Reads what an ELF file needs to run: its interpreter and its libraries. Nothing is executed, as ldd would.
 *
 * Formats: elf(5). 64-bit little-endian files of this machine only. The file is hostile input: every offset is checked against it.
 */

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const DYNAMIC_ENTRY_SIZE = 16;
const MOST_PROGRAM_HEADERS = 1024;
const LARGEST_TABLE = 64 << 20;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

export interface Elf {
  /** Path of the dynamic loader; absent in libraries and in static programs. */
  interpreter?: string;
  /** Names of libraries, as `libc.so.6`. */
  needed: string[];
  /** Where to look for them: of RPATH, which libraries inherit, and of RUNPATH, which they do not. Tokens as `$ORIGIN` stay. */
  rpath: string[];
  runpath: string[];
}

interface Segment {
  type: number;
  offset: number;
  address: number;
  fileSize: number;
}

/** Undefined when the file is no ELF file. Throws when it is one that cannot be read, or of another machine. */
export async function readElf(path: string): Promise<Elf | undefined> {
  const file = Bun.file(path);
  const head = await view(file, 0, HEADER_SIZE);
  if (head.byteLength < HEADER_SIZE || head.getUint32(0) !== 0x7f454c46) return undefined;
  const is64 = head.getUint8(4) === 2;
  const isLittle = head.getUint8(5) === 1;
  if (!is64 || !isLittle || head.getUint16(18, true) !== MACHINES[process.arch]) {
    throw new Error(`${path} is a program for another kind of machine`);
  }
  const segments = await readSegments(path, file, head);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const interpreter = await readInterpreter(file, segments);
  const libraries = dynamic
    ? await readDynamic(path, file, { segments, dynamic })
    : { needed: [], rpath: [], runpath: [] };
  return { ...libraries, ...(interpreter && { interpreter }) };
}

type ElfFile = ReturnType<typeof Bun.file>;

async function view(file: ElfFile, offset: number, size: number): Promise<DataView> {
  return new DataView(await file.slice(offset, offset + size).arrayBuffer());
}

/** A 64-bit number that must fit a file's offsets. */
function offsetAt(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}

async function readSegments(path: string, file: ElfFile, head: DataView): Promise<Segment[]> {
  const count = head.getUint16(56, true);
  if (count > MOST_PROGRAM_HEADERS || head.getUint16(54, true) !== PROGRAM_HEADER_SIZE) throw damaged(path);
  const table = await view(file, offsetAt(head, 32), count * PROGRAM_HEADER_SIZE);
  if (table.byteLength < count * PROGRAM_HEADER_SIZE) throw damaged(path);
  return Array.from({ length: count }, (_, index) => {
    const at = index * PROGRAM_HEADER_SIZE;
    return {
      type: table.getUint32(at, true),
      offset: offsetAt(table, at + 8),
      address: offsetAt(table, at + 16),
      fileSize: offsetAt(table, at + 32),
    };
  });
}

async function readInterpreter(file: ElfFile, segments: readonly Segment[]): Promise<string | undefined> {
  const segment = segments.find(({ type }) => type === PT_INTERP);
  if (!segment || segment.fileSize > LARGEST_TABLE) return undefined;
  const data = await view(file, segment.offset, segment.fileSize);
  return stringAt(data, 0);
}

interface Layout {
  segments: readonly Segment[];
  dynamic: Segment;
}

async function readDynamic(path: string, file: ElfFile, { segments, dynamic }: Layout) {
  if (dynamic.fileSize > LARGEST_TABLE) throw damaged(path);
  const entries = dynamicEntries(await view(file, dynamic.offset, dynamic.fileSize));
  const valueOfTag = (tag: number) => entries.find((entry) => entry.tag === tag)?.value ?? 0;
  const size = valueOfTag(DT_STRSZ);
  if (size > LARGEST_TABLE) throw damaged(path);
  const strings = await view(file, fileOffset(segments, valueOfTag(DT_STRTAB)), size);
  const named = (tag: number) =>
    entries.filter((entry) => entry.tag === tag).map(({ value }) => stringAt(strings, value));
  const paths = (tag: number) =>
    named(tag)
      .flatMap((list) => list.split(":"))
      .filter((dir) => dir !== "");
  return { needed: named(DT_NEEDED), rpath: paths(DT_RPATH), runpath: paths(DT_RUNPATH) };
}

function dynamicEntries(data: DataView): { tag: number; value: number }[] {
  const entries: { tag: number; value: number }[] = [];
  for (let at = 0; at + DYNAMIC_ENTRY_SIZE <= data.byteLength; at += DYNAMIC_ENTRY_SIZE) {
    const tag = offsetAt(data, at);
    if (tag === DT_NULL) break;
    entries.push({ tag, value: offsetAt(data, at + 8) });
  }
  return entries;
}

/** Where in the file lies what is loaded at an address. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    ({ type, address: start, fileSize }) =>
      type === PT_LOAD && address >= start && address < start + fileSize,
  );
  return segment ? address - segment.address + segment.offset : 0;
}

function stringAt(data: DataView, at: number): string {
  if (at >= data.byteLength) return "";
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at, data.byteLength - at);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function damaged(path: string): Error {
  return new Error(`${path} is a damaged program: its ELF tables do not fit it`);
}
