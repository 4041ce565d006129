/** Which sockets of this host wait for others to send them something: sock_diag(7), read without an effect. */

import { readdir, readFile, readlink } from "node:fs/promises";
import { decodeAttributes, u32 } from "./attributes.ts";
import { NETLINK, openNetlink } from "./netlink.ts";

/** A socket that is bound to a port and connected to nobody. */
export interface OpenSocket {
  /** 4 or 16 bytes; all zero for every address. */
  address: Uint8Array;
  port: number;
  /** Of IPv6, and takes no IPv4. */
  onlyV6: boolean;
  inode: number;
}

/** A process, as a person knows it. */
export interface SocketOwner {
  pid: number;
  name: string;
}

const SOCK_DIAG_BY_FAMILY = 20;
const AF = { INET: 2, INET6: 10 } as const;
/** States of include/net/tcp_states.h: UDP's unconnected sockets are "closed". */
const STATE = { CLOSE: 1 << 7, LISTEN: 1 << 10 } as const;
const PROTOCOL = {
  tcp: { number: 6, states: STATE.LISTEN },
  udp: { number: 17, states: STATE.CLOSE },
  sctp: { number: 132, states: STATE.LISTEN },
} as const;
const SKV6ONLY = 11;
/** struct inet_diag_req_v2 ends with a struct inet_diag_sockid. */
const SOCKID = 48;
const MESSAGE = 72;

/** Sockets of one protocol, of both families; none where the kernel does not know it. @throws {SyscallError} */
export function listOpenSockets(protocol: keyof typeof PROTOCOL): OpenSocket[] {
  using socket = openNetlink(NETLINK.SOCK_DIAG);
  const { number, states } = PROTOCOL[protocol];
  return [AF.INET, AF.INET6].flatMap((family) => {
    const header = Uint8Array.of(family, number, 0, 0, ...u32(states), ...new Uint8Array(SOCKID));
    const answer = socket.dump({ type: SOCK_DIAG_BY_FAMILY, header }, `list ${protocol} sockets`, ["ENOENT"]);
    return answer.filter(({ body }) => body.length >= MESSAGE).map(({ body }) => parseSocket(body));
  });
}

/** struct inet_diag_msg. */
function parseSocket(body: Uint8Array): OpenSocket {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const isV6 = body[0] === AF.INET6;
  return {
    address: body.slice(8, isV6 ? 24 : 12),
    port: view.getUint16(4),
    onlyV6: isV6 && decodeAttributes(body.subarray(MESSAGE)).get(SKV6ONLY)?.[0] === 1,
    inode: view.getUint32(68, true),
  };
}

/** The process that holds a socket; undefined where none can be seen. Reads all of /proc: for the moment when something is wrong. */
export async function ownerOfSocket(inode: number): Promise<SocketOwner | undefined> {
  const wanted = `socket:[${inode}]`;
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const directory = `/proc/${pid}/fd`;
    // Processes end, and descriptors are closed, while they are looked at.
    const descriptors = await readdir(directory).catch(() => []);
    const links = await Promise.all(
      descriptors.map((name) => readlink(`${directory}/${name}`).catch(() => "")),
    );
    if (!links.includes(wanted)) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    return { pid: Number(pid), name: name.trimEnd() };
  }
  return undefined;
}
