/** Hands signals that we get on to a container. */

import type { Client } from "./http/client.ts";

/** All that have a meaning for a program; those that only tell us something of our own children or sockets are not handed on. */
const SIGNALS: readonly NodeJS.Signals[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
];

/** Starts handing signals on; dispose to stop. A signal for a container that has ended is lost. */
export function proxySignals(client: Client, id: string): Disposable {
  const listener = (signal: NodeJS.Signals) => {
    const path = `/containers/${id}/kill`;
    client.call("POST", path, { query: { signal: signal.slice("SIG".length) } }).catch(() => undefined);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
