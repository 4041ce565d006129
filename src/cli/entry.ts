/** What the lists of commands hold: a summary for help, and how the file of a command is loaded once it is wanted. */

import type { AnyCommand } from "./command.ts";

export interface Entry {
  /** One line, for `fathom --help`. */
  summary: string;
  /** Loads the file it is in. */
  load: () => Promise<{ command: AnyCommand }>;
}

/** Commands by name; those of a group by `group name`. */
export type Registry = Readonly<Record<string, Entry>>;
