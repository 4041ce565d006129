/** What a file is to execve(2): the head of an ELF program or of a script. */

/** A program of machine code, a script, or neither. */
export type Executable =
  | { format: "elf"; machine: string; interpreter?: string }
  | { format: "script"; interpreter: string }
  | { format: "unknown" };

/** e_machine of elf(5) and include/uapi/linux/elf-em.h, as `uname -m` names it. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "arm64",
  243: "riscv64",
  258: "loongarch64",
};

const PT_INTERP = 3;
/** The kernel reads so much of a script's first line (BINPRM_BUF_SIZE). */
const SCRIPT_LINE = 256;

/** Reads the head of a file; what is cut off or broken gives less, never an error. */
export function parseExecutable(head: Uint8Array): Executable {
  if (head[0] === 0x7f && latin1(head, 1, 3) === "ELF" && head.length >= 20) return parseElf(head);
  if (latin1(head, 0, 2) !== "#!") return { format: "unknown" };
  const line = latin1(head, 2, SCRIPT_LINE).split("\n", 1)[0] ?? "";
  return { format: "script", interpreter: line.trim().split(/[ \t]/, 1)[0] ?? "" };
}

function parseElf(head: Uint8Array): Executable {
  const little = head[5] !== 2;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const number = view.getUint16(18, little);
  const machine = MACHINES[number] ?? `machine ${number}`;
  const interpreter = head[4] === 2 ? interpreter64(view, little) : interpreter32(view, little);
  return { format: "elf", machine, ...(interpreter !== undefined && { interpreter }) };
}

function interpreter64(view: DataView, little: boolean): string | undefined {
  if (view.byteLength < 64) return undefined;
  const table = {
    at: Number(view.getBigUint64(32, little)),
    size: view.getUint16(54, little),
    count: view.getUint16(56, little),
  };
  return interpreterIn(view, {
    ...table,
    little,
    place: (header) => [
      Number(view.getBigUint64(header + 8, little)),
      Number(view.getBigUint64(header + 32, little)),
    ],
    least: 56,
  });
}

function interpreter32(view: DataView, little: boolean): string | undefined {
  if (view.byteLength < 52) return undefined;
  const table = {
    at: view.getUint32(28, little),
    size: view.getUint16(42, little),
    count: view.getUint16(44, little),
  };
  return interpreterIn(view, {
    ...table,
    little,
    place: (header) => [view.getUint32(header + 4, little), view.getUint32(header + 16, little)],
    least: 32,
  });
}

interface ProgramHeaders {
  at: number;
  size: number;
  count: number;
  little: boolean;
  /** Offset and size in the file of what a header describes. */
  place: (header: number) => [offset: number, size: number];
  /** Bytes of one header at the least. */
  least: number;
}

function interpreterIn(
  view: DataView,
  { at, size, count, little, place, least }: ProgramHeaders,
): string | undefined {
  for (let index = 0; index < count; index++) {
    const header = at + index * size;
    if (header + least > view.byteLength) return undefined;
    if (view.getUint32(header, little) !== PT_INTERP) continue;
    const [offset, length] = place(header);
    if (offset + length > view.byteLength) return undefined;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
    return new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
  }
  return undefined;
}

function latin1(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}
