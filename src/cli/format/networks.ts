/** A network as a row of `network ls`. */

import type { NetworkResource } from "../../spec/docker_network.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { labelText, shortId } from "./text.ts";

export const NETWORK_HEADINGS: Struct = {
  CreatedAt: "CREATED AT",
  Driver: "DRIVER",
  ID: "NETWORK ID",
  IPv4: "IPV4",
  IPv6: "IPV6",
  Internal: "INTERNAL",
  Label: (name) => String(name ?? ""),
  Labels: "LABELS",
  Name: "NAME",
  Scope: "SCOPE",
};

/** The fields a template may ask for. */
export function networkRow(network: NetworkResource, { whole }: { whole: boolean }): Struct {
  const labels = network.Labels ?? {};
  return {
    CreatedAt: goInstant(network.Created),
    Driver: network.Driver,
    ID: whole ? network.Id : shortId(network.Id),
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Label: (name) => labels[String(name)] ?? "",
    Labels: labelText(labels),
    Name: network.Name,
    Scope: network.Scope,
  };
}

/** As Go prints an instant: `2026-01-02 03:04:05.6 +0000 UTC` for `2026-01-02T03:04:05.600000000Z`. */
function goInstant(rfc3339: string): string {
  const [, day = "", clock = "", fraction = ""] = /^(.*)T([\d:]+)(\.\d+)?Z$/.exec(rfc3339) ?? [];
  return `${day} ${clock}${fraction.replace(/\.?0+$/, "")} +0000 UTC`;
}
