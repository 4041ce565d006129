/** `fathom pull`. */

import { canonicalText, parseReference, withDefaultTag } from "../../spec/reference.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { print } from "../output.ts";
import { showProgress } from "../progress.ts";
import { requestPull, splitReference, standardScreen } from "../pull.ts";

export const command = defineCommand({
  usage: "pull [OPTIONS] NAME[:TAG|@DIGEST]",
  aliases: ["image pull", "pull"],
  operands: { min: 1, max: 1 },
  flags: {
    "all-tags": { type: "bool", short: "a", help: "Pull every tag of the repository" },
    "disable-content-trust": {
      type: "bool",
      initially: true,
      help: "Accepted for Docker's sake: signatures are not checked",
    },
    platform: { type: "string", help: "Platform of the image: os[/architecture[/variant]]" },
    quiet: { type: "bool", short: "q", help: "Print only the name of what was pulled" },
  },
  async run(context, { flags, operands: [name = ""] }) {
    const named = parseReference(name);
    const isWhole = named.tag !== undefined || named.digest !== undefined;
    if (flags["all-tags"] && isWhole) throw new CommandError("tag can't be used with --all-tags/-a");
    const wanted = flags["all-tags"] ? { name, tag: "" } : splitReference(name);
    if (!flags["all-tags"] && !isWhole && !flags.quiet) print("Using default tag: latest\n");
    const body = await requestPull(context, wanted, flags.platform);
    await showProgress(body, await standardScreen(flags.quiet));
    print(`${canonicalText(flags["all-tags"] ? named : withDefaultTag(named))}\n`);
    return 0;
  },
});
