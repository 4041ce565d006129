/** The file of hosts that every container gets its own of, as text. */

import type { FullHostConfig } from "../host_config.ts";

const LOCAL_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** What a hosts file is made of besides what its container asked for. */
export interface HostsInput {
  /** The host's own file, for a container on the host's network. */
  ofHost?: string;
  /** The host as containers reach it, which `host-gateway` stands for. */
  gateway?: string | undefined;
  /** Addresses and the names they go by: those of linked containers, then its own. */
  entries?: readonly { address: string; names: readonly string[] }[];
}

/** /etc/hosts; on the host's network the host's own, with the user's lines behind it. */
export function hostsFile(host: FullHostConfig, { ofHost = "", gateway, entries = [] }: HostsInput): string {
  const base = host.NetworkMode === "host" ? endedLine(ofHost) : LOCAL_HOSTS;
  const extra = (host.ExtraHosts ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    const address = entry.slice(colon + 1);
    return `${address === HOST_GATEWAY ? (gateway ?? address) : address}\t${entry.slice(0, colon)}\n`;
  });
  const lines = entries.map(({ address, names }) => `${address}\t${names.join(" ")}\n`);
  return [base, ...extra, ...lines].join("");
}

/** Whether the address under which the host is reached has to be found out. */
export function asksForGateway({ ExtraHosts }: Pick<FullHostConfig, "ExtraHosts">): boolean {
  return (ExtraHosts ?? []).some((entry) => entry.endsWith(`:${HOST_GATEWAY}`));
}

const HOST_GATEWAY = "host-gateway";

function endedLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
