/** What may be asked of one connection by options, Docker's by name. Pure. */

import { FathomError } from "../std/errors.ts";
import { linkName } from "./bridge_options.ts";

const IFNAME = "com.docker.network.endpoint.ifname";
const SYSCTLS = "com.docker.network.endpoint.sysctls";
/** Those of one link; IFNAME stands for its name, and comes in small letters from `docker run --network`. */
const SYSCTL = /^net\.(ipv4|ipv6|mpls)\.(conf|neigh)\.(?:IFNAME|ifname)\.([\w-]+)=([^\n]*)$/;

/** A parameter of the container's link: its path below /proc/sys, as kernel/net's writeSysctl takes it. */
interface LinkSysctl {
  path: string;
  value: string;
}

type Options = Readonly<Record<string, string>> | null | undefined;

/** The name that the container's link is to have; empty where it is all one. @throws {FathomError} invalid */
export function askedInterface(options: Options, taken: ReadonlySet<string>): string {
  const name = linkName(options?.[IFNAME] ?? "");
  if (name === "lo" || taken.has(name))
    throw new FathomError(
      "invalid",
      `${IFNAME}: the container has a link ${name} already: name this one otherwise`,
    );
  return name;
}

/**
 * `net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.hop_limit=9`, for a link of the name `link`.
 * @throws {FathomError} invalid
 */
export function askedSysctls(options: Options, link: string): LinkSysctl[] {
  const text = options?.[SYSCTLS] ?? "";
  if (text === "") return [];
  return text.split(",").map((setting) => {
    const [, family, kind, name, value] = SYSCTL.exec(setting.trim()) ?? [];
    if (value !== undefined) return { path: `net/${family}/${kind}/${link}/${name}`, value };
    throw new FathomError(
      "invalid",
      `${SYSCTLS}: invalid setting ${JSON.stringify(setting)}: write one like net.ipv4.conf.IFNAME.log_martians=1, with the word IFNAME`,
    );
  });
}
