/** Addresses as tables are asked for them. */

import { addressBytes } from "../kernel/net/inet.ts";

/** An address in the one form by which tables are asked for it: bytes in hexadecimal; undefined for what is none. */
export function addressKey(address: string): string | undefined {
  const bytes = addressBytes(address);
  return bytes && Buffer.from(bytes).toString("hex");
}
