/**
 * The engine's own table of rules: put in place, watched over, and put back when somebody takes it or a part of it away.
 *
 * A flush of the whole rule set (`nft flush ruleset`, the reload of a firewall) takes this engine's rules with it, though they were
 * none of its business. The kernel tells of it, and they are back within milliseconds.
 */

import {
  isWhole,
  type RuleChange,
  removeTable,
  replaceTable,
  type Table,
  watchRules,
} from "../kernel/net/mod.ts";
import { messageOf } from "../std/errors.ts";

export interface Rules {
  /** Puts a table in place of the one before, and keeps it there. @throws {SyscallError} */
  put(table: Table): void;
  /** Looks whether all is there, and puts back what is not. */
  mend(): void;
  /** Takes the table away. @throws {SyscallError} */
  remove(): void;
  /** Stops watching; the rules stay. */
  close(): void;
}

interface Hearers {
  warn: (sentence: string) => void;
  changing: () => void;
  changed: () => void;
}

/** Milliseconds from a change to the look at what it left: who reloads a firewall does so in several transactions. */
const SETTLE = 50;

/**
 * The rules of the table `name`. `changing` and `changed` hear of every change of any rule on this host, once it has settled: before
 * and after what misses is put back.
 */
export function openRules(name: string, { warn, changing, changed }: Hearers): Rules {
  let wanted: Table | undefined;
  let watch: Disposable | undefined;
  let waiting: ReturnType<typeof setTimeout> | undefined;

  const mend = (): void => {
    if (wanted === undefined) return;
    try {
      if (isWhole(wanted)) return;
      replaceTable(wanted);
      warn(`somebody had taken rules of table inet ${name} away: they are back`);
    } catch (error) {
      warn(`rules of table inet ${name} are missing, and cannot be put back: ${messageOf(error)}`);
    }
  };
  const settled = (): void => {
    waiting = undefined;
    changing();
    mend();
    changed();
  };
  const heard = (_: RuleChange): void => {
    waiting ??= setTimeout(settled, SETTLE);
    waiting.unref();
  };
  return {
    put(table) {
      watch ??= watchRules(heard, (sentence) =>
        warn(`changes of the host's rules are not seen: ${sentence}`),
      );
      replaceTable(table);
      wanted = table;
    },
    mend,
    remove() {
      wanted = undefined;
      removeTable(name);
    },
    close() {
      wanted = undefined;
      clearTimeout(waiting);
      watch?.[Symbol.dispose]();
      watch = undefined;
    },
  };
}
