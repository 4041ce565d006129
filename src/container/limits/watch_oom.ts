/**
 * Telling that the kernel has killed a process of a container for want of memory, when it happens and not only at the end.
 *
 * The engine listens, so that the shim can doze. What happened while there was none is in the count that the kernel keeps, which
 * is looked at first; and the shim looks at it when the container ends.
 */

import { messageOf } from "../../std/errors.ts";
import { cgroupPath } from "../cgroup_path.ts";
import { type Container, type Live, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { saveState } from "../save.ts";
import { tell } from "../tell.ts";

/** Listens while this run of it lasts. Only one whose memory is limited can want for it alone. */
export async function watchOom(context: Context, container: Container, live: Live): Promise<void> {
  const { record } = container;
  const { cgroups, receipts, warn } = context.options;
  const failed = (sentence: string) =>
    warn(`container ${nameOf(container).id}: a want of memory is seen at its end only: ${sentence}`);
  let begun = false;
  const killed = () => {
    // What is noted was told, be it by an earlier engine.
    if (container.live !== live || (!begun && record.state.OOMKilled)) return;
    tell(context, container, { action: "oom" });
    if (record.state.OOMKilled) return;
    record.state.OOMKilled = true;
    void saveState(context, container);
  };
  try {
    const watch = await receipts.record(nameOf(container).id, async () =>
      cgroups.watchOom(cgroupPath(record), { killed, failed }),
    );
    begun = true;
    const stop = () => watch?.[Symbol.dispose]();
    live.ended.then(stop, stop);
  } catch (error) {
    failed(messageOf(error));
  }
}
