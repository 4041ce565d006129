/** Hearing of what the kernel tells by a descriptor, for as long as somebody wants to. */

import { messageOf } from "../std/errors.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { closeFd } from "./file.ts";
import { O } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** What is watched, once it is open. */
export interface Watched {
  /** Resolves when there is something to hear. A failure of ENODEV ends the watching without a word: it is gone. */
  next(): Promise<void>;
  heard(): void;
  close(): void;
}

/**
 * Calls `heard` of what `begin` opens, time and again, until its disposal. It rings by `bell`, an eventfd, to end the wait that
 * is under way: a descriptor that is closed wakes nobody.
 * @param failed takes an error that ends the watching early
 */
export function watching(failed: (sentence: string) => void, begin: (bell: number) => Watched): Disposable {
  using undo = new DisposableStack();
  const bell = check(sys("eventfd2", 0, O.CLOEXEC | O.NONBLOCK), "make an eventfd");
  undo.defer(() => closeFd(bell));
  const watched = begin(bell);
  undo.defer(() => watched.close());
  const held = undo.move();
  let over = false;
  const follow = async (): Promise<void> => {
    using _ = held;
    while (!over) {
      await watched.next();
      if (!over) watched.heard();
    }
  };
  void follow().catch((error) => {
    const gone = error instanceof SyscallError && error.errno === ERRNO.ENODEV;
    over = true;
    if (!gone) failed(messageOf(error));
  });
  return {
    [Symbol.dispose]: () => {
      if (over) return;
      over = true;
      sys("write", bell, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8);
    },
  };
}
