/** `fathom network create`. */

import type { IpamConfig, NetworkCreateRequest, NetworkCreateResponse } from "../../spec/docker_network.ts";
import { type AddressInSubnet, holds, type Ip, overlapping, parseIp, parseSubnet } from "../../std/ip.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { print } from "../output.ts";
import { parsePairs } from "../run/values.ts";

export const command = defineCommand({
  usage: "network create [OPTIONS] NETWORK",
  operands: { min: 1, max: 1 },
  flags: {
    attachable: { type: "bool", help: "Let containers be connected that no service made; all may be" },
    "aux-address": { type: "list", shows: "map", help: "Keep an address from containers: NAME=ADDRESS" },
    "config-from": { type: "string", help: "Take the settings of a network made with --config-only" },
    "config-only": { type: "bool", help: "Keep settings for other networks, and connect nothing" },
    driver: { type: "string", short: "d", help: "bridge, macvlan or ipvlan (default bridge)" },
    gateway: { type: "list", shows: "strings", help: "Gateway of a subnet (default its first address)" },
    ingress: { type: "bool", help: "Of a swarm, which Fathom has none of" },
    internal: { type: "bool", help: "Keep its containers from the outside, and the outside from them" },
    "ip-range": {
      type: "list",
      shows: "strings",
      help: "Part of a subnet that containers' addresses are of",
    },
    "ipam-driver": { type: "string", help: "Who gives addresses; only default is there" },
    "ipam-opt": { type: "list", shows: "map", help: "Set an option of that driver" },
    ipv4: { type: "bool", initially: true, help: "Give containers addresses of IPv4" },
    ipv6: { type: "bool", help: "Give containers addresses of IPv6" },
    label: { type: "list", help: "Set a label, NAME=VALUE" },
    opt: { type: "list", short: "o", shows: "map", help: "Set an option of the driver" },
    scope: { type: "string", help: "Where it is; only local is there" },
    subnet: { type: "list", shows: "strings", help: "A subnet of it, as in 172.28.0.0/16 or fd00:1::/64" },
  },
  async run({ client }, { flags, given, operands }) {
    const request: NetworkCreateRequest = {
      Name: operands[0] ?? "",
      Driver: flags.driver ?? "bridge",
      ...(flags.scope !== undefined && { Scope: flags.scope }),
      ...(given.has("ipv4") && { EnableIPv4: flags.ipv4 }),
      ...(given.has("ipv6") && { EnableIPv6: flags.ipv6 }),
      IPAM: {
        Driver: flags["ipam-driver"] ?? "default",
        Options: parsePairs(flags["ipam-opt"]),
        Config: subnets({
          subnets: flags.subnet,
          ranges: flags["ip-range"],
          gateways: flags.gateway,
          kept: parsePairs(flags["aux-address"]),
        }),
      },
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: flags.ingress,
      ConfigOnly: flags["config-only"],
      ...(flags["config-from"] !== undefined && { ConfigFrom: { Network: flags["config-from"] } }),
      Options: parsePairs(flags.opt),
      Labels: parsePairs(flags.label),
    };
    const { Id } = await client.json<NetworkCreateResponse>("POST", "/networks/create", { json: request });
    print(`${Id}\n`);
    return 0;
  },
});

interface Asked {
  subnets: readonly string[];
  ranges: readonly string[];
  gateways: readonly string[];
  kept: Readonly<Record<string, string>>;
}

/** Each subnet with what was asked for of it: flags name ranges, gateways and addresses without saying of which. */
function subnets({ subnets: texts, ranges, gateways, kept }: Asked): IpamConfig[] {
  if (texts.length < ranges.length || texts.length < gateways.length)
    throw wrong("every ip-range or gateway must have a corresponding subnet");
  const all = texts.map((text) => ({ subnet: cidr(text), config: { Subnet: text } as IpamConfig }));
  for (const [at, { subnet }] of all.entries())
    if (all.slice(0, at).some((other) => overlapping(subnet, other.subnet)))
      throw wrong("multiple overlapping subnet configuration is not supported");
  for (const text of ranges) set(all, { field: "IPRange", text, named: "range", value: baseOf(text) });
  for (const text of gateways) set(all, { field: "Gateway", text, named: "gateway", value: ip(text) });
  for (const [name, text] of Object.entries(kept)) {
    const found = all.find(({ subnet }) => holds(subnet, ip(text)));
    if (found === undefined) throw wrong(`no matching subnet for aux-address ${text}`);
    found.config.AuxiliaryAddresses = { ...found.config.AuxiliaryAddresses, [name]: text };
  }
  return all.map(({ config }) => config);
}

function set(
  all: readonly { subnet: AddressInSubnet; config: IpamConfig }[],
  wish: { field: "IPRange" | "Gateway"; text: string; named: string; value: Ip },
): void {
  const found = all.find(({ subnet }) => holds(subnet, wish.value));
  if (found === undefined) throw wrong(`no matching subnet for ${wish.named} ${wish.text}`);
  const earlier = found.config[wish.field];
  if (earlier !== undefined)
    throw wrong(
      `cannot configure multiple ${wish.named}s (${wish.text}, ${earlier}) on the same subnet (${found.config.Subnet})`,
    );
  found.config[wish.field] = wish.text;
}

function baseOf(text: string): Ip {
  const { family, base } = cidr(text);
  return { family, value: base };
}

function cidr(text: string): AddressInSubnet {
  try {
    return parseSubnet(text);
  } catch {
    throw wrong(`invalid CIDR address: ${text}`);
  }
}

function ip(text: string): Ip {
  try {
    return parseIp(text);
  } catch {
    throw wrong(`invalid IP address: ${text}`);
  }
}

function wrong(sentence: string): CommandError {
  return new CommandError(sentence);
}
