/** Which ports programs listen on in a network namespace, by the procfs of a process that is in it; proc_net(5). */

import { readdir, readFile, readlink } from "node:fs/promises";

export interface Listening {
  protocol: "tcp" | "udp";
  /** As people write it; `0.0.0.0` and `::` for all. */
  address: string;
  port: number;
}

/** TCP_LISTEN; of UDP a socket that is connected to nobody. */
const STATES = { tcp: "0A", udp: "07" } as const;

/** A socket of the list, and how its holder's descriptors name it. */
interface Listed extends Listening {
  inode: string;
}

/** Without doubles, in the order of ports. */
export async function listeningIn(pid: number): Promise<Listening[]> {
  return withoutDoubles(await listed(pid));
}

/** Only what the container of a process holds, where others live in its network namespace. */
export async function listeningOf(pid: number): Promise<Listening[]> {
  const [sockets, held] = await Promise.all([listed(pid), heldBeside(pid)]);
  return withoutDoubles(sockets.filter(({ inode }) => held.has(`socket:[${inode}]`)));
}

async function listed(pid: number): Promise<Listed[]> {
  const lists = await Promise.all(
    (["tcp", "udp"] as const).flatMap((protocol) =>
      ["", "6"].map(async (version) => {
        const table = await readFile(`/proc/${pid}/net/${protocol}${version}`, "latin1").catch(() => "");
        return table
          .split("\n")
          .slice(1)
          .flatMap((line) => parseSocket(line, protocol));
      }),
    ),
  );
  return lists.flat();
}

/** What descriptors of the processes in the same control group name; processes end while they are looked at. */
async function heldBeside(pid: number): Promise<ReadonlySet<string>> {
  const groupOf = (one: string) => readFile(`/proc/${one}/cgroup`, "latin1").catch(() => undefined);
  const own = await groupOf(String(pid));
  const held = new Set<string>();
  for (const one of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (own === undefined || (await groupOf(one)) !== own) continue;
    for (const descriptor of await readdir(`/proc/${one}/fd`).catch(() => []))
      held.add(await readlink(`/proc/${one}/fd/${descriptor}`).catch(() => ""));
  }
  return held;
}

function withoutDoubles(sockets: readonly Listed[]): Listening[] {
  const all = new Map(
    sockets.map(({ inode: _, ...one }) => [`${one.protocol} ${one.address} ${one.port}`, one]),
  );
  return [...all.values()].sort((a, b) => a.port - b.port);
}

function parseSocket(line: string, protocol: "tcp" | "udp"): Listed[] {
  const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
  const [address = "", port = ""] = local.split(":");
  if (state !== STATES[protocol]) return [];
  return [{ protocol, address: addressOf(address), port: Number.parseInt(port, 16), inode }];
}

/** Words of four bytes in the host's order, in hexadecimal. */
function addressOf(digits: string): string {
  const bytes = (digits.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff;
  if (isMapped) return bytes.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // The notation of RFC 5952, which a URL's host is brought into.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Whether only the namespace's own programs reach it. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
