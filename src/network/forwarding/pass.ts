/**
 * Letting containers' traffic pass iptables' FORWARD where nobody has decided about it and the policy would drop it. Pure.
 *
 * The chain of that name is common ground: Docker, libvirt, ufw and their users all add to it. This engine adds one jump at its end,
 * to a chain of its own. Whatever anybody has said before stays in force; only the policy does not come to bear. What the jump
 * lets pass the engine's own table still judges. docs/decisions/0030-other-firewalls.md says why.
 */

import type { HostTable } from "../../kernel/net/mod.ts";
import type { Obstacle } from "./obstacles.ts";

/** What is to be told to iptables-restore(8). */
export interface Change {
  /** The program, by the family and by who keeps the table. */
  program: string;
  /** Its input. */
  rules: string;
  /** What the engine's chain has then; empty where it is gone. */
  content: string;
}

/** The engine's chain in a table of iptables', named after its own table. */
export function passChain(table: string): string {
  return table.toUpperCase();
}

/** The same rules without what this engine has added to them. */
export function withoutPass(table: HostTable, chain: string): HostTable {
  const chains = [...table.chains].map(([name, one]) => {
    const rules = one.rules.filter((rule) => !jumpsTo(rule, chain));
    return [name, { ...one, rules }] as const;
  });
  return { ...table, chains: new Map(chains) };
}

/** Whether a table has the engine's chain, and a jump to it. */
export function hasPass({ chains }: HostTable, chain: string): boolean {
  return chains.has(chain) && (chains.get("FORWARD")?.rules.some((rule) => jumpsTo(rule, chain)) ?? false);
}

/** A chain's name stands in a verdict only, with its NUL. */
function jumpsTo(
  { expressions }: { expressions: readonly { name: string; data: Uint8Array }[] },
  chain: string,
) {
  return expressions.some(
    ({ name, data }) => name === "immediate" && Buffer.from(data).includes(`${chain}\0`, 0, "latin1"),
  );
}

/**
 * Makes the engine's chain anew and has FORWARD end with a jump to it. To other bridges of this host, whoever's they are, the policy
 * holds as before: to reach another engine's containers is not what is asked for.
 * @param bridges links of the host that are bridges and not this engine's
 */
export function letPass(
  { table, version, links }: Obstacle,
  chain: string,
  bridges: readonly string[],
): Change {
  const comment = `-m comment --comment "containers of ${chain.toLowerCase()}"`;
  const content = [
    ...links.flatMap((link) => bridges.map((other) => `-A ${chain} -i ${link} -o ${other} -j RETURN`)),
    ...links.flatMap((link) => [
      `-A ${chain} -i ${link} ${comment} -j ACCEPT`,
      `-A ${chain} -o ${link} ${comment} -j ACCEPT`,
    ]),
  ];
  const jump = hasPass(table, chain) ? [] : [`-A FORWARD -j ${chain}`];
  const lines = ["*filter", `:${chain} - [0:0]`, ...content, ...jump, "COMMIT"];
  return { program: programFor(table, version), rules: `${lines.join("\n")}\n`, content: content.join("\n") };
}

/** Takes all of it away. */
export function takeBack(table: HostTable, chain: string): Change {
  const jump = hasPass(table, chain) ? [`-D FORWARD -j ${chain}`] : [];
  const lines = ["*filter", `:${chain} - [0:0]`, ...jump, `-X ${chain}`, "COMMIT"];
  return {
    program: programFor(table, table.family === "ip6" ? 6 : 4),
    rules: `${lines.join("\n")}\n`,
    content: "",
  };
}

function programFor({ kept }: HostTable, version: 4 | 6): string {
  return `${version === 4 ? "iptables" : "ip6tables"}-${kept}-restore`;
}
