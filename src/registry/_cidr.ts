/** Networks in CIDR notation: whether an address lies in one. */

import { BlockList, isIP } from "node:net";

/** A network of either family; undefined where the text is none. */
export function parseNetwork(text: string): BlockList | undefined {
  const [, address = "", bits = ""] = /^([\da-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return network;
}

export function contains(network: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && network.check(address, family === 4 ? "ipv4" : "ipv6");
}
