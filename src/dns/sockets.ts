/** The sockets of a container's resolver, opened in its network namespace before its program runs. */

import { closeFd } from "../kernel/file.ts";
import { AT, O } from "../kernel/flags.ts";
import { inNetworkNamespace } from "../kernel/net/elsewhere.ts";
import { openServer } from "../kernel/net/inet.ts";
import { check, sys } from "../kernel/syscall.ts";
import { RESOLVER_ADDRESS, RESOLVER_PORT } from "./contract.ts";

/** Descriptors: of the two sockets, and of the network namespace they are in. */
export interface Sockets {
  udp: number;
  tcp: number;
  namespace: number;
}

/** Opens the sockets in the namespace that is kept at a path. @throws {SyscallError} */
export function openSockets(path: string): Sockets {
  const namespace = check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`);
  using undo = new DisposableStack();
  undo.defer(() => closeFd(namespace));
  const at = { address: RESOLVER_ADDRESS, port: RESOLVER_PORT };
  const sockets = inNetworkNamespace(namespace, () => {
    const udp = openServer("udp", at);
    undo.defer(() => closeFd(udp));
    return { udp, tcp: openServer("tcp", at), namespace };
  });
  undo.move();
  return sockets;
}
