/** `fathom network reach`, which Docker does not have: from where a container's ports are reached, and which rule decides. */

import type { Reach, ReachPort, ReachWay } from "../../spec/reach.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { print } from "../output.ts";

export const command = defineCommand({
  usage: "network reach [OPTIONS] CONTAINER",
  operands: { min: 1, max: 1 },
  flags: { format: { type: "string", help: "'json', or text" } },
  async run({ client }, { flags: { format }, operands: [name = ""] }) {
    if (format && format !== "json")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is json or none`);
    const found = await client.json<Reach>("GET", `/containers/${encodeURIComponent(name)}/reach`);
    print(format === "json" ? `${JSON.stringify(found, null, 2)}\n` : textOf(found));
    return 0;
  },
});

function textOf({ Name, Addresses, Ports, Notes }: Reach): string {
  const places = Addresses.map(({ Network, Address }) => `${Address} on ${Network}`).join(", ");
  const lines = [
    `${Name}${places === "" ? "" : `: ${places}`}`,
    ...Notes.map((note) => `  ${note}`),
    ...(Ports.length === 0 && Notes.length === 0 ? ["  nobody listens in it, and no port is published"] : []),
    ...Ports.flatMap(portLines),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function portLines({ Port, Protocol, ListensAt, Ways }: ReachPort): string[] {
  const where = ListensAt.length === 0 ? "nobody listens" : `listens at ${ListensAt.join(", ")}`;
  const [origin, place] = [widest(Ways, "From"), widest(Ways, "At")];
  return [
    `  ${Port}/${Protocol}, ${where}`,
    ...Ways.map(
      (way) =>
        `    ${way.From.padEnd(origin)}  ${way.At.padEnd(place)}  ${answer(way).padEnd(ANSWER)}  ${way.Why}`,
    ),
  ];
}

const ANSWER = "maybe no".length;

function answer({ Reachable, Certain }: ReachWay): string {
  return `${Certain ? "" : "maybe "}${Reachable ? "yes" : "no"}`;
}

function widest(ways: readonly ReachWay[], field: "From" | "At"): number {
  return Math.max(0, ...ways.map((way) => way[field].length));
}
