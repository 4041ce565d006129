/** The registers of the machine that runs nftables' rules: four of 16 bytes, which are also sixteen of four. */

/** A byte that cannot be known of a packet that was made up. */
type Byte = number | undefined;

export interface Registers {
  /** Undefined where one of the bytes is not known. */
  read(register: number, length: number): Uint8Array | undefined;
  write(register: number, bytes: Uint8Array): void;
  /** From here on it is not known what is in it. */
  forget(register: number): void;
}

const SIZE = 64;
const WHOLE = 16;
/** NFT_REG32_00: below it the four large ones are numbered from 1. */
const FIRST_SMALL = 8;

export function openRegisters(): Registers {
  const memory: Byte[] = new Array(SIZE).fill(undefined);
  const start = (register: number) =>
    register >= FIRST_SMALL ? (register - FIRST_SMALL) * 4 : (register - 1) * WHOLE;
  return {
    read(register, length) {
      const bytes = memory.slice(start(register), start(register) + length);
      return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
    },
    write(register, bytes) {
      // The kernel fills up the last four bytes with zeros.
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
      padded.set(bytes);
      padded.forEach((byte, index) => {
        memory[start(register) + index] = byte;
      });
    },
    forget(register) {
      memory.fill(undefined, start(register), start(register) + WHOLE);
    },
  };
}
