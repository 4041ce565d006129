/**
 * Links that do not go with their container's namespace because another process is still in it: a container that joined it, or a
 * program of the host. They are removed a little later, so that an address is not on the bridge twice.
 */

import { deleteLink, findLink, type NetlinkSocket } from "../kernel/net/mod.ts";

/** Milliseconds in which the kernel usually has dismantled a namespace. */
const PATIENCE = 1000;

export interface Lingering {
  /** Looks after a link a little later, and removes it if it is still there. */
  expect(link: string): void;
  /** Looks at once after all that are waited for: the engine ends. */
  close(): void;
}

export function watchLingering(host: () => NetlinkSocket): Lingering {
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  const settle = (link: string): void => {
    clearTimeout(waiting.get(link));
    waiting.delete(link);
    if (findLink(host(), link) !== undefined) deleteLink(host(), link);
  };
  return {
    expect(link) {
      waiting.set(link, setTimeout(() => settle(link), PATIENCE).unref());
    },
    close() {
      for (const link of waiting.keys()) settle(link);
    },
  };
}
