/** `docker export`: a container's whole root file system as one archive, without volumes and what else is mounted in it. */

import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { tell } from "../tell.ts";
import { whileHeld } from "./archive.ts";
import { holdRoot } from "./view.ts";

/** The root stays mounted until the archive has been read or left. */
export async function exportContainer(
  context: Context,
  container: Container,
): Promise<AsyncIterable<Uint8Array>> {
  const root = await holdRoot(context, container);
  tell(context, container, { action: "export" });
  return whileHeld(context.options.files.exported(nameOf(container).id, root.value), root);
}
