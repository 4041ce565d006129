/** A link to a syslog server that takes datagrams on a unix socket, as /dev/log usually does. */

import { closeFd } from "../kernel/file.ts";
import { connectDatagrams, sendDatagram } from "../kernel/unix_datagram.ts";
import type { Link } from "../logs/syslog.ts";

/** @throws {SyscallError} when nobody listens at the path. */
export function datagramLink(path: string): Link {
  const fd = connectDatagrams(path);
  let gone = false;
  let sending = false;
  const close = (): void => {
    // Not under a send: its number may be another's by the time that goes on.
    if (!gone && !sending) closeFd(fd);
    gone = true;
  };
  return {
    get gone() {
      return gone;
    },
    send: async (messages) => {
      sending = true;
      try {
        for (const message of messages) await sendDatagram(fd, message);
      } finally {
        sending = false;
        if (gone) closeFd(fd);
      }
    },
    close,
  };
}
