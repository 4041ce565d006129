/** `fathom port`. */

import type { ContainerInspect } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { print } from "../output.ts";

const MOST = 65_535;

export const command = defineCommand({
  usage: "port CONTAINER [PRIVATE_PORT[/PROTO]]",
  aliases: ["container port", "port"],
  operands: { min: 1, max: 2 },
  flags: {},
  async run({ client }, { operands: [name = "", wanted] }) {
    const { NetworkSettings } = await client.json<ContainerInspect>(
      "GET",
      `/containers/${segment(name)}/json`,
    );
    const published = Object.entries(NetworkSettings.Ports ?? {});
    const one = wanted === undefined ? undefined : portOf(wanted);
    const lines = published.flatMap(([port, bindings]) => {
      if (one === undefined) return hosts(bindings).map((host) => `${port} -> ${host}`);
      return port === one ? hosts(bindings) : [];
    });
    if (lines.length > 0) print(`${lines.sort(naturally).join("\n")}\n`);
    else if (wanted !== undefined)
      throw new CommandError(`Error: No public port '${wanted}' published for ${name}`);
    return 0;
  },
});

/** Byte by byte, but numbers by what they say: `8` before `10`, and both before `[`. */
function naturally(a: string, b: string): number {
  const [left, right] = [a.match(PARTS) ?? [], b.match(PARTS) ?? []];
  const at = left.findIndex((part, index) => part !== right[index]);
  const [one = "", other = ""] = at < 0 ? [] : [left[at], right[at]];
  return (
    Number(one) - Number(other) || (one < other ? -1 : Number(one > other)) || left.length - right.length
  );
}

const PARTS = /\d+|\D/g;

/** As ports are named in a container's settings: `80/tcp`. */
function portOf(wanted: string): string {
  const [number = "", protocol = "tcp"] = wanted.split(/\/(.*)/s);
  if (!/^\d+$/.test(number) || Number(number) > MOST)
    throw new CommandError(
      `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: ${
        /^\d+$/.test(number) ? "value out of range" : "invalid syntax"
      }`,
    );
  return `${number}/${protocol || "tcp"}`;
}

function hosts(bindings: ContainerInspect["NetworkSettings"]["Ports"][string]): string[] {
  return (bindings ?? []).map(({ HostIp, HostPort }) =>
    HostIp.includes(":") ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`,
  );
}
