/** `fathom explain`, which Docker does not have: what was done on the kernel for a container. */

import type { Receipt } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { copyRaw } from "../streams.ts";

export const command = defineCommand({
  usage: "explain [OPTIONS] CONTAINER",
  operands: { min: 1, max: 1 },
  flags: {
    follow: { type: "bool", short: "f", help: "Go on as it happens, until the container has ended" },
    json: { type: "bool", help: "Print every step as the receipt has it" },
  },
  async run({ client }, { flags, operands: [name = ""] }) {
    const path = `/containers/${encodeURIComponent(name)}/receipt`;
    if (flags.json) {
      print(`${JSON.stringify(await client.json<Receipt>("GET", path), null, 2)}\n`);
      return 0;
    }
    const reply = await client.send("GET", path, { query: { format: "text", follow: flags.follow } });
    await copyRaw(reply.body);
    return 0;
  },
});
