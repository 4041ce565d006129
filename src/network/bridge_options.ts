/** What a network of the driver bridge may be asked for by options, Docker's by name. Pure. */

import { FathomError } from "../std/errors.ts";
import { type Family, parseIp } from "../std/ip.ts";

const BRIDGE = "com.docker.network.bridge.";
const MTU = "com.docker.network.driver.mtu";
const PREFIX = "com.docker.network.container_iface_prefix";

/** `nat`: under the host's address; `routed`: under their own; `isolated`: not even the host is on the network. */
export type GatewayMode = "nat" | "routed" | "isolated";

export interface BridgeOptions {
  /** Of the bridge; empty for one that follows from the network's ID. */
  name: string;
  /** 0 for the daemon's. */
  mtu: number;
  betweenContainers: boolean;
  masquerade: boolean;
  /** Of containers' links: `eth` for eth0, eth1 … */
  linkPrefix: string;
  gatewayMode: Readonly<Record<Family, GatewayMode>>;
}

const LEAST_MTU = 68;
const MOST_MTU = 65_535;
/** IFNAMSIZ without the NUL. */
const LONGEST_NAME = 15;
/** The number behind it needs room too. */
const LONGEST_PREFIX = 12;

/** @throws {FathomError} invalid, naming the option that is wrong. */
export function readBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const binding = options[`${BRIDGE}host_binding_ipv4`] ?? "";
  if (binding !== "") parseIp(binding);
  return {
    name: linkName(options[`${BRIDGE}name`] ?? ""),
    mtu: mtuOf(options[MTU] ?? "0"),
    betweenContainers: flagOf(options, `${BRIDGE}enable_icc`),
    masquerade: flagOf(options, `${BRIDGE}enable_ip_masquerade`),
    linkPrefix: linkPrefixOf(options[PREFIX] ?? "eth"),
    gatewayMode: {
      4: modeOf(options, `${BRIDGE}gateway_mode_ipv4`),
      6: modeOf(options, `${BRIDGE}gateway_mode_ipv6`),
    },
  };
}

/** @throws {FathomError} invalid, for what no link can be named. */
export function linkName(name: string): string {
  if (name === "" || (name.length <= LONGEST_NAME && /^[^/\s:%]+$/.test(name) && !/^\.{1,2}$/.test(name)))
    return name;
  throw invalid(
    `invalid interface name ${JSON.stringify(name)}: a link's name has at most ${LONGEST_NAME} characters, and no blank, slash or colon`,
  );
}

function linkPrefixOf(prefix: string): string {
  if (prefix.length <= LONGEST_PREFIX && linkName(prefix) !== "") return prefix;
  throw invalid(
    `invalid ${PREFIX} value: ${JSON.stringify(prefix)}: it has 1 to ${LONGEST_PREFIX} characters`,
  );
}

function mtuOf(text: string): number {
  const mtu = Number(text);
  if (/^\d{1,6}$/.test(text) && (mtu === 0 || (mtu >= LEAST_MTU && mtu <= MOST_MTU))) return mtu;
  throw invalid(`failed to parse ${MTU} value: ${text}: it must be from ${LEAST_MTU} to ${MOST_MTU}`);
}

/** Go's idea of truth: strconv.ParseBool. */
function flagOf(options: Readonly<Record<string, string>>, name: string): boolean {
  const value = options[name] ?? "true";
  if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(value)) return false;
  throw invalid(`failed to parse ${name} value: ${value}: it must be true or false`);
}

function modeOf(options: Readonly<Record<string, string>>, name: string): GatewayMode {
  const value = options[name] ?? "nat";
  if (value === "nat" || value === "routed" || value === "isolated") return value;
  throw invalid(`unknown gateway mode ${value}: ${name} must be nat, routed or isolated`);
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}
