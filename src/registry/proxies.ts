/**
 * HTTP proxies, by the rules of Go's net/http, which Docker's users know: HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case, and
 * never a proxy for this host itself (golang.org/x/net/http/httpproxy).
 */

import { contains, parseNetwork } from "./_cidr.ts";

export interface ProxySettings {
  http?: string;
  https?: string;
  /** Hosts, domains, addresses and networks, separated by commas; `*` for all. */
  no?: string;
}

/** The proxies that an environment names. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const value = (name: string) => environment[name] || environment[name.toLowerCase()] || undefined;
  const [http, https, no] = [value("HTTP_PROXY"), value("HTTPS_PROXY"), value("NO_PROXY")];
  return { ...(http && { http }), ...(https && { https }), ...(no && { no }) };
}

/** The proxy to reach a URL by; undefined where it is reached directly. */
export function proxyFor(url: URL, { http, https, no = "" }: ProxySettings): string | undefined {
  const proxy = url.protocol === "https:" ? https : http;
  if (proxy === undefined || isThisHost(url.hostname)) return undefined;
  const exempt = no.split(",").some((rule) => matches(rule.trim().toLowerCase(), url));
  if (exempt) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function isThisHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.startsWith("127.") || hostname === "[::1]";
}

function matches(rule: string, { hostname, port, protocol }: URL): boolean {
  if (rule === "") return false;
  if (rule === "*") return true;
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const network = parseNetwork(rule);
  if (network !== undefined) return contains(network, host);
  const [, name = rule, rulePort] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? [];
  if (rulePort !== undefined && rulePort !== (port || (protocol === "https:" ? "443" : "80"))) return false;
  if (name.startsWith("*.")) return host.endsWith(name.slice(1));
  if (name.startsWith(".")) return host.endsWith(name);
  return host === name || host.endsWith(`.${name}`);
}
