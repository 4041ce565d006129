/** `fathom events`. */

import type { EventMessage } from "../../spec/docker.ts";
import { rfc3339Fixed } from "../../std/time.ts";
import { defineCommand } from "../command.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { timestamp } from "../format/timestamp.ts";
import { jsonTexts } from "../json_lines.ts";
import { flushOutput, print } from "../output.ts";

export const command = defineCommand({
  usage: "events [OPTIONS]",
  aliases: ["system events", "events"],
  operands: { min: 0, max: 0 },
  flags: {
    filter: {
      type: "list",
      short: "f",
      shows: "filter",
      help: "Show only what matches NAME=VALUE",
      check: checkFilter,
    },
    format: { type: "string", help: "Print with a Go template, or 'json'" },
    since: { type: "string", help: "Begin with what happened since this time" },
    until: { type: "string", help: "End at this time" },
  },
  async run({ client }, { flags }) {
    const show = await printer(flags.format);
    const query = { since: timestamp("since", flags.since), until: timestamp("until", flags.until) };
    const reply = await client.send("GET", "/events", {
      query: { ...query, filters: filterQuery(flags.filter) },
    });
    for await (const text of jsonTexts(reply.body)) {
      print(show(text));
      await flushOutput();
    }
    return 0;
  },
});

async function printer(format: string | undefined): Promise<(text: string) => string> {
  // The daemon's own text goes through, because a JavaScript number would lose digits of the nanoseconds.
  if (format === "json") return (text) => `${text}\n`;
  if (!format) return (text) => `${line(JSON.parse(text), nanoseconds(text))}\n`;
  const { BAD_TEMPLATE, fillIn, parse } = await import("../format/object.ts");
  const { toValue } = await import("../format/values.ts");
  const template = parse(format);
  return (text) => {
    const event: EventMessage = JSON.parse(text);
    const value = toValue({
      ...event,
      Status: event.status ?? "",
      ID: event.id ?? "",
      From: event.from ?? "",
      Time: event.time,
      TimeNano: event.timeNano,
    });
    return `${fillIn(template, value, { type: "*events.Message", prefix: "Error parsing format: ", code: BAD_TEMPLATE })}\n`;
  };
}

function nanoseconds(text: string): bigint {
  return BigInt(/"timeNano":(\d+)/.exec(text)?.[1] ?? 0);
}

/** `2013-08-25T10:52:22.257575646Z container start 5f1… (image=bb, name=c1)`. */
function line({ Type, Action, Actor }: EventMessage, time: bigint): string {
  const attributes = Object.keys(Actor.Attributes ?? {})
    .sort()
    .map((key) => `${key}=${Actor.Attributes[key]}`);
  const details = attributes.length > 0 ? ` (${attributes.join(", ")})` : "";
  return `${rfc3339Fixed(time)} ${Type} ${Action} ${Actor.ID}${details}`;
}
