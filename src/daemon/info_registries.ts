/** What `info` says of registries and proxies. */

import type { SystemInfo } from "../spec/docker.ts";
import type { RegistryFlags } from "./registry_flags.ts";

const HUB = "docker.io";
/** What is insecure whatever the configuration says. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

export function registryConfig(flags: RegistryFlags): SystemInfo["RegistryConfig"] {
  const mirrors = flags.registryMirrors.map((mirror) => (mirror.endsWith("/") ? mirror : `${mirror}/`));
  const networks = flags.insecureRegistries.filter((one) => one.includes("/"));
  const insecure = [
    ...flags.insecureRegistries.filter((one) => !one.includes("/")),
    ...Object.keys(flags.registries).filter((name) => flags.registries[name]?.insecure),
  ];
  const index = (Name: string, Secure: boolean, Mirrors: readonly string[] = []) => ({
    Name,
    Mirrors: [...Mirrors],
    Secure,
    Official: Name === HUB,
  });
  const others = [...new Set([...Object.keys(flags.registries), ...insecure])].filter((name) => name !== HUB);
  return {
    InsecureRegistryCIDRs: [...LOOPBACK, ...networks],
    IndexConfigs: {
      [HUB]: index(HUB, true, mirrors),
      ...Object.fromEntries(
        others.map((name) => [name, index(name, !insecure.includes(name), flags.registries[name]?.mirrors)]),
      ),
    },
    Mirrors: mirrors,
  };
}

/** As Docker shows a proxy. */
export function withoutPassword(proxy = ""): string {
  return proxy.replace(/\/\/[^/@]*@/, "//xxxxx:xxxxx@");
}
