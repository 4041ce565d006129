/** `fathom tag`. */

import { defineCommand } from "../command.ts";
import { segment } from "../http/client.ts";
import { splitTag } from "../reference.ts";

export const command = defineCommand({
  usage: "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  aliases: ["image tag", "tag"],
  operands: { min: 2, max: 2 },
  flags: {},
  async run({ client }, { operands: [source = "", target = ""] }) {
    const { name: repo, tag } = splitTag(target);
    await client.call("POST", `/images/${segment(source)}/tag`, { query: { repo, tag } });
    return 0;
  },
});
