/** `fathom push`. */

import { canonicalText, parseReference, repositoryOf, withDefaultTag } from "../../spec/reference.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { print } from "../output.ts";
import { platformQuery } from "../platform.ts";
import { showProgress } from "../progress.ts";
import { standardScreen } from "../pull.ts";
import { authHeaders } from "../registry_auth/credentials.ts";

export const command = defineCommand({
  usage: "push [OPTIONS] NAME[:TAG]",
  aliases: ["image push", "push"],
  operands: { min: 1, max: 1 },
  flags: {
    "all-tags": { type: "bool", short: "a", help: "Push every tag of the repository" },
    "disable-content-trust": {
      type: "bool",
      initially: true,
      help: "Accepted for Docker's sake: images are not signed",
    },
    platform: { type: "string", help: "Push the image only if it is for this platform" },
    quiet: { type: "bool", short: "q", help: "Print only the name of what was pushed" },
  },
  async run({ client, configDir }, { flags, operands: [name = ""] }) {
    const named = parseReference(name);
    if (flags["all-tags"] && named.tag !== undefined) {
      throw new CommandError("tag can't be used with --all-tags/-a");
    }
    if (!flags["all-tags"] && named.tag === undefined && !flags.quiet) print("Using default tag: latest\n");
    const whole = flags["all-tags"] ? named : withDefaultTag(named);
    const reply = await client.send("POST", `/images/${segment(repositoryOf(named))}/push`, {
      query: {
        tag: whole.tag ?? "",
        platform: platformQuery(flags.platform),
      },
      headers: { "X-Registry-Auth": "e30=", ...(await authHeaders(configDir, repositoryOf(named))) },
    });
    await showProgress(reply.body, await standardScreen(flags.quiet));
    if (flags.quiet) print(`${canonicalText(whole)}\n`);
    return 0;
  },
});
