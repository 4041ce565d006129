/** `fathom logs`. */

import type { ContainerInspect } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { timestamp } from "../format/timestamp.ts";
import { copyFrames, copyRaw } from "../streams.ts";

export const command = defineCommand({
  usage: "logs [OPTIONS] CONTAINER",
  aliases: ["container logs", "logs"],
  operands: { min: 1, max: 1 },
  flags: {
    details: { type: "bool", help: "Show what the log driver adds to each line" },
    follow: { type: "bool", short: "f", help: "Go on with what is written from now on" },
    since: { type: "string", help: "Begin at this time: 2013-01-02T13:23:37Z, or 42m for 42 minutes ago" },
    tail: { type: "string", short: "n", help: "Show only this many lines of the end" },
    timestamps: { type: "bool", short: "t", help: "Show when each line was written" },
    until: { type: "string", help: "End at this time" },
  },
  async run({ client }, { flags, operands: [name = ""] }) {
    const path = `/containers/${encodeURIComponent(name)}`;
    const { details, follow, timestamps, tail = "all" } = flags;
    const since = timestamp("since", flags.since);
    const until = timestamp("until", flags.until);
    const query = { stdout: true, stderr: true, details, follow, timestamps, tail, since, until };
    const [container, reply] = await Promise.all([
      client.json<ContainerInspect>("GET", `${path}/json`),
      client.send("GET", `${path}/logs`, { query }),
    ]);
    await (container.Config.Tty ? copyRaw(reply.body) : copyFrames(reply.body));
    return 0;
  },
});
