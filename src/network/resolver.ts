/** The resolver of a container on networks where names are found: where it is, what it asks, under which names others find it. */

import { RESOLVER_ADDRESS, RESOLVER_PORT } from "../dns/contract.ts";
import {
  addTable,
  changePort,
  inNetworkNamespace,
  openNetworkNamespace,
  type Table,
} from "../kernel/net/mod.ts";
import { messageOf } from "../std/errors.ts";
import { lacksNftables } from "./backends/lack.ts";
import { resolvesNames } from "./names.ts";
import type { EndpointWish, NetworksOptions } from "./options.ts";
import type { ResolverWish, SandboxRecord } from "./records.ts";
import type { State } from "./state.ts";

const NAME_PORT = 53;
/** Before connections are tracked, where the container has that done, and behind it: it sees the resolver's own port both ways. */
const PRIORITY = { before: -300, behind: 10 } as const;

/** The rules in a container's namespace that lead port 53 to its resolver. */
function resolverTable(): Table {
  const address = Uint8Array.from(RESOLVER_ADDRESS.split(".").map(Number));
  const transports = ["udp", "tcp"] as const;
  const questions = transports.map((transport) =>
    changePort({ transport, end: "destination", address, port: NAME_PORT, becomes: RESOLVER_PORT }),
  );
  const answers = transports.map((transport) =>
    changePort({ transport, end: "source", address, port: RESOLVER_PORT, becomes: NAME_PORT }),
  );
  const chain = { type: "filter", hook: "output" } as const;
  return {
    name: "fathom-names",
    chains: [
      { ...chain, name: "questions", priority: PRIORITY.before, rules: questions },
      { ...chain, name: "answers", priority: PRIORITY.behind, rules: answers },
    ],
  };
}

/** Leads a container's questions to its resolver. Where that cannot be had it is told: all else works there. */
export async function leadToResolver({ options }: State, sandbox: SandboxRecord): Promise<void> {
  try {
    byNftables(sandbox);
  } catch (error) {
    const failure = lacksNftables(error) ? await byIptables(options.run, sandbox) : messageOf(error);
    if (failure !== undefined)
      options.warn(
        `container ${sandbox.Container} finds no names (${failure}): the kernel needs nftables (CONFIG_NF_TABLES_INET), or iptables must work`,
      );
  }
}

/** @throws {SyscallError} */
function byNftables({ Key }: SandboxRecord): void {
  using namespace = openNetworkNamespace(Key);
  if (namespace !== undefined) inNetworkNamespace(namespace.fd, () => addTable(resolverTable()));
}

/** Gives why it cannot be had; undefined where all is well. */
async function byIptables(run: NetworksOptions["run"], { Key }: SandboxRecord): Promise<string | undefined> {
  try {
    const { findPrograms } = await import("./backends/iptables_programs.ts");
    // A program of the host's is run without an environment, and nsenter(1) would not find one in /usr/sbin.
    const beginning = ["nsenter", `--net=${Key}`, "env", `PATH=${process.env.PATH ?? ""}`];
    const inside: typeof run = (command, input) => run([...beginning, ...command], input);
    const programs = await findPrograms(inside, { nftables: false });
    const rules = ["udp", "tcp"].map(
      (transport) =>
        `-A OUTPUT -d ${RESOLVER_ADDRESS} -p ${transport} --dport ${NAME_PORT} -j DNAT --to-destination ${RESOLVER_ADDRESS}:${RESOLVER_PORT}`,
    );
    await programs.restore(4, `${["*nat", ...rules, "COMMIT"].join("\n")}\n`);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** See Networks. */
export function resolverOf(
  { store, names }: State,
  container: string,
): { namespace: string; table: string } | undefined {
  const sandbox = store.sandboxes.get(container);
  if (sandbox === undefined || sandbox.Key === "" || !resolvesNames(sandbox)) return undefined;
  return { namespace: sandbox.Key, table: names.pathOf(container) };
}

/** See Networks. */
export async function setResolver(
  { store }: State,
  container: string,
  resolver: ResolverWish,
): Promise<void> {
  const sandbox = store.sandboxes.get(container);
  if (sandbox === undefined || Bun.deepEquals(sandbox.Resolver, resolver)) return;
  sandbox.Resolver = resolver;
  await store.saveSandbox(sandbox);
}

/** See Networks. */
export async function setNames(
  { store }: State,
  container: string,
  wishes: readonly EndpointWish[],
): Promise<void> {
  const sandbox = store.sandboxes.get(container);
  if (sandbox === undefined) return;
  for (const endpoint of sandbox.Endpoints) {
    const name = store.networks.get(endpoint.Network)?.Name;
    const wish = wishes.find(({ network }) => network === name || network === endpoint.Network);
    endpoint.DnsNames = [...(wish?.dnsNames ?? endpoint.DnsNames)];
  }
  await store.saveSandbox(sandbox);
}
