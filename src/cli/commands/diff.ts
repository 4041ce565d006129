/** `fathom diff`. */

import type { FilesystemChange } from "../../spec/docker_files.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

const LETTERS: Record<FilesystemChange["Kind"], string> = { 0: "C", 1: "A", 2: "D" };

export const command = defineCommand({
  usage: "diff CONTAINER",
  aliases: ["container diff", "diff"],
  operands: { min: 1, max: 1 },
  flags: {},
  async run({ client }, { operands: [name = ""] }) {
    const path = `/containers/${encodeURIComponent(name)}/changes`;
    const changes = await client.json<FilesystemChange[] | null>("GET", path);
    print((changes ?? []).map(({ Kind, Path }) => `${LETTERS[Kind]} ${Path}\n`).join(""));
    return 0;
  },
});
