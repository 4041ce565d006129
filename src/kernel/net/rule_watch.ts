/**
 * Hearing of changes to the host's rules: the netlink group of nftables, which tells of every transaction once it is done;
 * linux/netfilter/nfnetlink.h (NFNLGRP_NFTABLES). The old tables of iptables tell nobody of their changes.
 */

import { ERRNO, SyscallError } from "../errno.ts";
import { closeFd } from "../file.ts";
import { O } from "../flags.ts";
import { eitherReadable } from "../ready.ts";
import { check, sys } from "../syscall.ts";
import { watching } from "../watching.ts";
import { decodeAttributes, readText, u32s } from "./attributes.ts";
import { AF_NETLINK, NETLINK, SOCK_RAW, splitMessages } from "./netlink.ts";

/** What has changed: the names of tables, or all of them where the kernel had more to tell than was heard. */
export type RuleChange = ReadonlySet<string> | "anything";

const GROUP_NFTABLES = 7;
const BUFFER_SIZE = 64 * 1024;
const SUBSYSTEM = 10;
/** Ends every transaction; it names no table. */
const NEWGEN = 15;
/** A flush of a large rule set comes in one go. */
const SOCKET_BUFFER = 4 * 1024 * 1024;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;

/**
 * Calls `heard` after changes of the rules in this thread's network namespace, also after those of this process. Ends with its
 * disposal.
 * @param failed takes an error that ends the watching early
 * @throws {SyscallError}
 */
export function watchRules(
  heard: (change: RuleChange) => void,
  failed: (sentence: string) => void,
): Disposable {
  return watching(failed, (bell) => {
    const fd = openGroup();
    let change: RuleChange = new Set();
    return {
      next: async () => {
        await eitherReadable(fd, bell);
        change = drain(fd);
      },
      heard: () => {
        if (change === "anything" || change.size > 0) heard(change);
      },
      close: () => closeFd(fd),
    };
  });
}

function openGroup(): number {
  const opened = sys("socket", AF_NETLINK, SOCK_RAW | O.CLOEXEC | O.NONBLOCK, NETLINK.NETFILTER);
  const fd = check(opened, "open a netlink socket");
  // Less room is no error: what does not fit is told as "anything".
  sys("setsockopt", fd, SOL_SOCKET, SO_RCVBUFFORCE, u32s(SOCKET_BUFFER), 4);
  const address = u32s(AF_NETLINK, 0, 1 << (GROUP_NFTABLES - 1));
  const bound = sys("bind", fd, address, address.length);
  if (bound < 0) closeFd(fd);
  check(bound, "listen to changes of the host's rules");
  return fd;
}

/** All that waits in the socket. */
function drain(fd: number): RuleChange {
  const memory = new Uint8Array(new ArrayBuffer(BUFFER_SIZE));
  const tables = new Set<string>();
  let lost = false;
  for (;;) {
    const count = sys("recvfrom", fd, memory, memory.length, 0, 0, 0);
    if (count === -ERRNO.ENOBUFS) lost = true;
    else if (count === -ERRNO.EAGAIN) return lost ? "anything" : tables;
    else if (count < 0 && count !== -ERRNO.EINTR) throw new SyscallError("hear of the host's rules", -count);
    for (const name of tablesIn(memory.subarray(0, Math.max(count, 0)))) tables.add(name);
  }
}

/** Every message but the last of a transaction has its table's name as its first attribute. */
function tablesIn(bytes: Uint8Array): string[] {
  return splitMessages(bytes)
    .filter(({ type }) => type >> 8 === SUBSYSTEM && (type & 0xff) !== NEWGEN)
    .map(({ body }) => readText(decodeAttributes(body.subarray(4)).get(1)));
}
