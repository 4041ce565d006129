/** `fathom network connect`, `disconnect` and `rm`. */

import type { EndpointRequest } from "../../spec/docker_network.ts";
import { defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { DaemonError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { parsePairs } from "../run/values.ts";

export const connect = defineCommand({
  usage: "network connect [OPTIONS] NETWORK CONTAINER",
  operands: { min: 2, max: 2 },
  flags: {
    alias: { type: "list", shows: "strings", help: "Another name of the container in the network" },
    "driver-opt": { type: "list", shows: "strings", help: "Set an option of the network's driver" },
    "gw-priority": { type: "int", help: "The network with the highest leads to the outside" },
    ip: { type: "string", help: "Its IPv4 address, as in 172.30.100.104" },
    ip6: { type: "string", help: "Its IPv6 address, as in 2001:db8::33" },
    link: { type: "list", help: "Know another container by a name" },
    "link-local-ip": { type: "list", shows: "strings", help: "A link-local address of it" },
  },
  async run({ client }, { flags, operands: [network = "", container = ""] }) {
    const endpoint: EndpointRequest = {
      IPAMConfig: {
        ...(flags.ip !== undefined && { IPv4Address: flags.ip }),
        ...(flags.ip6 !== undefined && { IPv6Address: flags.ip6 }),
        ...(flags["link-local-ip"].length > 0 && { LinkLocalIPs: flags["link-local-ip"] }),
      },
      Links: flags.link,
      Aliases: flags.alias,
      DriverOpts: parsePairs(flags["driver-opt"]),
      ...(flags["gw-priority"] !== undefined && { GwPriority: flags["gw-priority"] }),
    };
    await client.call("POST", `/networks/${segment(network)}/connect`, {
      json: { Container: container, EndpointConfig: endpoint },
    });
    return 0;
  },
});

export const disconnect = defineCommand({
  usage: "network disconnect [OPTIONS] NETWORK CONTAINER",
  operands: { min: 2, max: 2 },
  flags: { force: { type: "bool", short: "f", help: "Do not mind that it is not connected" } },
  async run({ client }, { flags, operands: [network = "", container = ""] }) {
    await client.call("POST", `/networks/${segment(network)}/disconnect`, {
      json: { Container: container, Force: flags.force },
    });
    return 0;
  },
});

export const removeNetworks = defineCommand({
  usage: "network rm NETWORK [NETWORK...]",
  aliases: ["network rm", "network remove"],
  operands: { min: 1 },
  flags: { force: { type: "bool", short: "f", help: "Do not mind what is not there" } },
  run: ({ client }, { flags, operands }) =>
    forEachName(operands, async (name) => {
      try {
        await client.call("DELETE", `/networks/${segment(name)}`);
      } catch (error) {
        if (!(flags.force && error instanceof DaemonError && error.status === 404)) throw error;
      }
      return `${name}\n`;
    }),
});
