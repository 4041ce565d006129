/** A link to a syslog server that takes datagrams on a unix socket, as /dev/log usually does. */

import { closeFd } from "../kernel/file.ts";
import { connectDatagrams, sendDatagram } from "../kernel/unix_datagram.ts";
import type { Link } from "../logs/syslog.ts";

/** @throws {SyscallError} when nobody listens at the path. */
export function datagramLink(path: string): Link {
  const fd = connectDatagrams(path);
  let gone = false;
  return {
    get gone() {
      return gone;
    },
    send: async (messages) => {
      try {
        for (const message of messages) await sendDatagram(fd, message);
      } catch (error) {
        gone = true;
        throw error;
      }
    },
    close: () => closeFd(fd),
  };
}
