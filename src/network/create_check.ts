/** What a request to make a network says of addresses: checked, in Docker's words, and as the record keeps it. Pure. */

import type { IpamConfig, NetworkCreateRequest } from "../spec/docker_network.ts";
import { FathomError } from "../std/errors.ts";
import {
  type AddressInSubnet,
  holds,
  type Ip,
  ipText,
  lastOf,
  parseIp,
  parseSubnet,
  subnetText,
} from "../std/ip.ts";
import type { SubnetRecord } from "./records.ts";

/** The subnets that were asked for, IPv4 before IPv6. @throws {FathomError} invalid, naming all that is wrong. */
export function askedSubnets({ IPAM, EnableIPv6 }: NetworkCreateRequest): SubnetRecord[] {
  const wrong: string[] = [];
  const subnets = (IPAM?.Config ?? []).flatMap((config) => {
    const subnet = cidr(config.Subnet ?? "");
    if (subnet === undefined) {
      wrong.push(`invalid subnet ${config.Subnet ?? ""}: invalid CIDR block notation`);
      return [];
    }
    wrong.push(...complaints(config, subnet));
    if (subnet.family === 6 && !EnableIPv6)
      wrong.push(`subnet ${config.Subnet} is of IPv6, which the network has not: ask for it with --ipv6`);
    return [{ family: subnet.family, record: recordOf(config, subnet) }];
  });
  if (wrong.length > 0) throw new FathomError("invalid", `invalid network config:\n${wrong.join("\n")}`);
  return subnets.sort((a, b) => a.family - b.family).map(({ record }) => record);
}

function recordOf(config: IpamConfig, subnet: AddressInSubnet): SubnetRecord {
  const { IPRange, Gateway, AuxiliaryAddresses } = config;
  return {
    Subnet: subnetText(subnet),
    Gateway: Gateway ? ipText(parseIpOr(Gateway, subnet)) : "",
    ...(IPRange && { IPRange }),
    ...(AuxiliaryAddresses && { AuxiliaryAddresses }),
  };
}

/** What is wrong is told with all the rest. */
function parseIpOr(text: string, subnet: AddressInSubnet): Ip {
  return address(text) ?? { family: subnet.family, value: subnet.base };
}

function complaints(config: IpamConfig, subnet: AddressInSubnet): string[] {
  const { Subnet, Gateway, IPRange, AuxiliaryAddresses = {} } = config;
  const canonical = subnetText(subnet);
  return [
    ...(subnet.address === subnet.base ? [] : [`invalid subnet ${Subnet}: it should be ${canonical}`]),
    ...(IPRange ? rangeComplaints(IPRange, subnet) : []),
    ...(Gateway ? addressComplaints(`gateway ${Gateway}`, Gateway, subnet) : []),
    ...Object.entries(AuxiliaryAddresses).flatMap(([name, text]) =>
      addressComplaints(`auxiliary address ${name}=${text}`, text, subnet),
    ),
  ];
}

function rangeComplaints(text: string, subnet: AddressInSubnet): string[] {
  const range = cidr(text);
  const named = `invalid ip-range ${text}`;
  if (range === undefined) return [`${named}: invalid CIDR block notation`];
  if (range.family !== subnet.family) return [`${named}: parent subnet is an IPv${subnet.family} block`];
  if (range.address !== range.base) return [`${named}: it should be ${subnetText(range)}`];
  const isWithin = range.base >= subnet.base && lastOf(range) <= lastOf(subnet);
  return isWithin ? [] : [`${named}: parent subnet ${subnetText(subnet)} doesn't contain ip-range`];
}

function addressComplaints(named: string, text: string, subnet: AddressInSubnet): string[] {
  const ip = address(text);
  if (ip === undefined) return [`invalid ${named}: invalid address`];
  if (ip.family !== subnet.family) return [`invalid ${named}: parent subnet is an IPv${subnet.family} block`];
  if (holds(subnet, ip)) return [];
  return [`invalid ${named}: parent subnet ${subnetText(subnet)} doesn't contain this address`];
}

function cidr(text: string): AddressInSubnet | undefined {
  try {
    return parseSubnet(text);
  } catch {
    return undefined; // The caller says what is wrong, with all else that is.
  }
}

function address(text: string): Ip | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined; // As above.
  }
}
