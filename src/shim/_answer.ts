/** Answering questions of names while the shim dozes: without its event loop, and with nothing else of it loaded. */

import { readFileSync } from "node:fs";
import { Resolver, TICK } from "../dns/mod.ts";
import { pollSet } from "../kernel/poll.ts";
import { replaceProcess } from "../kernel/replace.ts";
import type { DozingNames } from "./_dozing_names.ts";
import { NOT_FOR_US } from "./_signals.ts";

/** Without a question for so long, the memory that answering took is given back; milliseconds. */
const QUIET = 30_000;

/** Answers until one of `others` has something to tell; gives the resolver, which goes on elsewhere. */
export function answerWhile(
  { table, kept, ...sockets }: DozingNames,
  others: readonly number[],
  quiet = QUIET,
): Resolver {
  const resolver = new Resolver(sockets, table);
  const wait = pollSet([...others, resolver.fd]);
  for (;;) {
    resolver.turn();
    const ready = wait(resolver.busy ? TICK : quiet);
    if (ready.some((fd) => fd !== resolver.fd)) return resolver;
    if (ready.length === 0 && !resolver.busy) dozeAgain(kept);
  }
}

/** As this image was started, with the descriptors that it was given. */
function dozeAgain(keep: readonly number[]): void {
  const argv = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const environment = readFileSync("/proc/self/environ", "utf8").split("\0").slice(0, -1);
  try {
    replaceProcess(argv, { keep, ignore: Object.values(NOT_FOR_US), environment });
  } catch {
    // It goes on as it is, only larger.
  }
}
