/** `fathom commit`. */

import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { splitTag } from "../reference.ts";

export const command = defineCommand({
  usage: "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  aliases: ["container commit", "commit"],
  operands: { min: 1, max: 2 },
  flags: {
    author: { type: "string", short: "a", help: "Author of the image" },
    change: { type: "list", short: "c", help: "Apply a Dockerfile instruction to the image's configuration" },
    message: { type: "string", short: "m", help: "Comment on the image" },
    pause: { type: "bool", short: "p", initially: true, help: "Let the container stand still meanwhile" },
  },
  async run({ client }, { flags, operands: [container = "", reference = ""] }) {
    const { name: repo, tag } = splitTag(reference);
    const { author, change: changes, message: comment, pause } = flags;
    const { Id } = await client.json<{ Id: string }>("POST", "/commit", {
      query: {
        container,
        repo: repo || undefined,
        tag,
        comment,
        author,
        changes,
        pause: pause ? undefined : "0",
      },
    });
    print(`${Id}\n`);
    return 0;
  },
});
