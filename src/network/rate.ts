/**
 * How fast a container may receive and send, kept at the host's end of its link, where nothing in the container can lift it.
 *
 * What it receives leaves the host by that link, and waits there. What it sends comes in by that link, and is led through a link
 * of its own (`fi…`, beside `fm…`) to wait on that. That one is not part of the pair and has to be removed by itself.
 */

import {
  addLink,
  deleteLink,
  findLink,
  limitRate,
  type NetlinkSocket,
  redirectIncoming,
  removeRateLimit,
  stopRedirecting,
} from "../kernel/net/mod.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import type { NetworkRate } from "../std/network_rate.ts";

/** The link on which waits what comes in by `link`. */
function queueOf(link: string): string {
  return `fi${link.slice(2)}`;
}

/**
 * Sets both limits anew, or takes away the one that is not named.
 * @throws {FathomError} unsupported, where this kernel cannot hold back what a container sends.
 */
export function applyRate(host: NetlinkSocket, name: string, { down, up }: NetworkRate): void {
  const link = linkOf(host, name);
  if (down === undefined) removeRateLimit(host, link);
  else limitRate(host, link, down);
  if (up !== undefined) {
    limitIncoming(host, link, up);
    return;
  }
  // In this order: what is led to a link that is gone is lost.
  stopRedirecting(host, link);
  removeQueue(host, name);
}

function limitIncoming(host: NetlinkSocket, link: { index: number; name: string }, rate: number): void {
  const name = queueOf(link.name);
  try {
    const isNew = addLink(host, "ifb", { name, up: true });
    const queue = linkOf(host, name);
    limitRate(host, queue, rate);
    if (isNew) redirectIncoming(host, link, queue);
  } catch (cause) {
    stopRedirecting(host, link);
    removeQueue(host, link.name);
    throw new FathomError(
      "unsupported",
      `what a container sends cannot be limited on this host (${messageOf(cause)}): the kernel needs ifb, cls_u32 and act_mirred; limit only what it receives: --network-rate down=…`,
      { cause },
    );
  }
}

/** Takes away what does not go with the container's link; no error where there is nothing. */
export function removeQueue(host: NetlinkSocket, link: string): void {
  if (findLink(host, queueOf(link)) !== undefined) deleteLink(host, queueOf(link));
}

function linkOf(host: NetlinkSocket, name: string): { index: number; name: string } {
  const link = findLink(host, name);
  if (link === undefined) throw new FathomError("internal", `the link ${name} is not there`);
  return link;
}
