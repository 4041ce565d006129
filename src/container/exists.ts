/** Whether there is something at a path. */

import { access } from "node:fs/promises";
import { ifAbsent } from "../std/absent.ts";

export function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, ifAbsent(false));
}
