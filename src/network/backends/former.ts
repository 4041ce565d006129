/** Taking away what another backend has left, of an engine that was killed and comes again with this one. */

import { rm, stat } from "node:fs/promises";
import { removeTable } from "../../kernel/net/mod.ts";
import { ifAbsent } from "../../std/absent.ts";
import { messageOf } from "../../std/errors.ts";
import { openHostInput } from "../host_input/host_input.ts";
import type { BackendTools } from "./backend.ts";
import { findPrograms } from "./iptables_programs.ts";
import { planRestore } from "./iptables_restore.ts";
import { chainPrefix } from "./iptables_rules.ts";
import { lacksNftables } from "./lack.ts";

/** Never throws. */
export async function removeFormerIptables({ table, mark, run, warn }: BackendTools): Promise<void> {
  try {
    if ((await stat(mark).catch(ifAbsent(undefined))) === undefined) return;
    for (const nftables of [true, false]) {
      const programs = await findPrograms(run, { nftables });
      for (const family of [4, 6] as const) {
        const saved = await programs.save(family);
        const input = planRestore(saved, { prefix: chainPrefix(table), wanted: [], full: true });
        if (input !== undefined) await programs.restore(family, input);
      }
    }
    await rm(mark, { force: true });
  } catch (error) {
    warn(`rules that this engine had by iptables are still there: ${messageOf(error)}`);
  }
}

/** Never throws; a kernel without nftables has nothing of it. */
export function removeFormerNftables({ table, warn }: BackendTools): void {
  try {
    openHostInput(table, { respected: false, warn }).guard([]);
    removeTable(table);
  } catch (error) {
    if (!lacksNftables(error)) warn(`table inet ${table} is still there: ${messageOf(error)}`);
  }
}
