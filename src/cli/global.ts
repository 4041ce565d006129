/** Flags before the command's name. */

import type { FlagTable } from "./flags.ts";

const LEVELS = ["debug", "info", "warn", "error", "fatal"];

export const GLOBAL_FLAGS = {
  config: { type: "string", help: "Directory of the client's configuration" },
  context: { type: "string", short: "c", help: "Docker context that names the daemon" },
  debug: { type: "bool", short: "D", help: "Show more when something goes wrong" },
  host: { type: "list", short: "H", help: "Address of the daemon: unix:///path or tcp://host:port" },
  "log-level": {
    type: "string",
    short: "l",
    help: "Accepted for Docker's sake: debug, info, warn, error or fatal",
    check: (text) => {
      if (!LEVELS.includes(text)) throw new Error(`unable to parse logging level: ${text}`);
    },
  },
  version: { type: "bool", short: "v", help: "Print the version and quit" },
} as const satisfies FlagTable;
