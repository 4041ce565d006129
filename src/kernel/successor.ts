/**
 * A process that goes on in place of the one that made it, in the same program.
 *
 * A process that joins a user namespace can make others there and no sooner: its PID namespace is to belong to that user
 * namespace, and nobody changes his own PID namespace. So a program has two rows in its middle. The first makes a child, a
 * sibling in truth (CLONE_PARENT), with the namespaces it is to have; its maker stands still until the child has executed its
 * program or ended (CLONE_VFORK). The second ends the maker: it takes the first row's result for the first descriptor of a
 * range that ends at 0, which is well for the child, whose result is 0, and a mistake for the maker, whose result is a PID.
 */

import { bytes, type Call, named, result } from "./call.ts";
import { CLONE, flagsText } from "./flags.ts";

/** The two rows, to stand behind each other in a program, and to be named to `spawn`. */
export interface Successor {
  birth: Call;
  parting: Call;
  /** Has the kernel write the successor's number to this address at its birth, which its maker's result tells only later. */
  tell(address: number): void;
}

/** struct clone_args of clone3(2), words of 8 bytes: flags first, the cgroup's descriptor last. */
const CLONE_ARGS = { words: 11, flags: 0, parentTid: 3, cgroup: 10 } as const;
const CLOSE_RANGE_CLOEXEC = 4;

/** @param namespaces CLONE_NEW… flags of the namespaces to make. */
export function successor({ namespaces, cgroup }: { namespaces: number; cgroup?: number }): Successor {
  const how =
    CLONE.PARENT +
    CLONE.PARENT_SETTID +
    CLONE.VFORK +
    namespaces +
    (cgroup === undefined ? 0 : CLONE.INTO_CGROUP);
  const words = new BigUint64Array(CLONE_ARGS.words);
  words[CLONE_ARGS.flags] = BigInt(how);
  words[CLONE_ARGS.cgroup] = BigInt(cgroup ?? 0);
  const birth: Call = {
    call: "clone3",
    args: [
      bytes(new Uint8Array(words.buffer), `{flags=${flagsText("CLONE", CLONE, how)}}`),
      words.byteLength,
    ],
    what: "make the first process",
    see: "ls -l /proc/PID/ns",
  };
  const parting: Call = {
    call: "close_range",
    args: [result(birth, "0"), 0, named(CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC")],
    what: "go on in the new process",
  };
  const tell = (address: number): void => {
    words[CLONE_ARGS.parentTid] = BigInt(address);
  };
  return { birth, parting, tell };
}
