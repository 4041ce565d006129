/** The commands about what the layers of images hold, which Docker does not have. */

import type { Entry, Registry } from "./entry.ts";

const squash: Entry = {
  summary: "Merge the layers of an image, in the engine or between save and load",
  load: () => import("./commands/squash.ts"),
};

export const LAYER_COMMANDS: Registry = {
  squash,
  "image diff": {
    summary: "Show which files differ between two images",
    load: async () => ({ command: (await import("./commands/image_files.ts")).diffImages }),
  },
  "image files": {
    summary: "Show which layer brought a file, and which changed or deleted it",
    load: async () => ({ command: (await import("./commands/image_files.ts")).findFiles }),
  },
  "image ls-layer": {
    summary: "List the files of one layer of an image",
    load: async () => ({ command: (await import("./commands/image_files.ts")).listLayer }),
  },
  "image squash": squash,
  "image why-big": {
    summary: "Tell what takes the room of an image, and what would take less",
    load: () => import("./commands/why_big.ts"),
  },
};
