/**
 * The part of the door that leads to networks: netlink, and the namespaces it speaks to.
 *
 * Apart from ../mod.ts so that a process that has nothing to do with networks, as a shim, does not load it. Every function with an
 * effect reports one step that names the `ip`, `nft` or `tc` command which shows the same; none needs such a program.
 */

export { addAddress } from "./address.ts";
export { announce } from "./announce.ts";
export { be32, decodeAttributes, encodeAttributes, readBe32, readText, readU32 } from "./attributes.ts";
export { type Flow, findFlow, forgetFlow, listFlows } from "./conntrack.ts";
export { findLink, type LinkInfo, listAddresses, listLinks, listNeighbours, listRoutes } from "./dumps.ts";
export { inNetworkNamespace } from "./elsewhere.ts";
export {
  addLink,
  addVeth,
  deleteLink,
  isolatePort,
  learn,
  reflectPort,
  setLink,
} from "./link.ts";
export {
  keepNetworkNamespace,
  letGoOfNetworkNamespace,
  makeNetworkNamespace,
  openNetworkNamespace,
} from "./namespace.ts";
export { NETLINK, type NetlinkSocket, openNetlink } from "./netlink.ts";
export type { FieldRange, MapElement, NftMap } from "./nft_map.ts";
export {
  destinationData,
  destinationKey,
  dnatBy,
  fromLoopback,
  type IpFamily,
  jump,
  redirectBy,
  toLoopback,
  toThisHost,
  wasSentOn,
} from "./nft_nat.ts";
export { changePort } from "./nft_port.ts";
export {
  accept,
  counter,
  drop,
  established,
  iifname,
  leave,
  masquerade,
  notOifname,
  oifname,
  type Rule,
  sourceNetwork,
} from "./nft_rule.ts";
export { toPorts } from "./nft_to_ports.ts";
export {
  addTable,
  type Chain,
  changeMaps,
  isWhole,
  type MapChange,
  removeTable,
  replaceTable,
  type Table,
} from "./nftables.ts";
export { addDefaultRoute } from "./route.ts";
export { type CopiedRule, type CopyTable, replaceCopies } from "./rule_copy.ts";
export {
  type Family,
  type Hook,
  type HostChain,
  type HostElement,
  type HostExpression,
  type HostRule,
  type HostSet,
  type HostTable,
  readRuleSet,
} from "./rule_set.ts";
export { type RuleChange, watchRules } from "./rule_watch.ts";
export { listOpenSockets, type OpenSocket, ownerOfSocket } from "./sockets.ts";
export { addSublink, IPVLAN_MODES, MACVLAN_MODES } from "./sublink.ts";
export { readSysctl, writeSysctl } from "./sysctl.ts";
export { limitRate, redirectIncoming, removeRateLimit, stopRedirecting } from "./traffic.ts";
