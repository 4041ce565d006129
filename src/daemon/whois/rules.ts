/** Whose a rule of the engine's table is, by its handle: which chain, and the networks and containers that it speaks of. */

import { type HostRule, readRuleSet } from "../../kernel/net/mod.ts";
import type { WhoisFinding } from "../../spec/whois.ts";
import { containerOf, type Known } from "./known.ts";

export function ruleFindings(known: Known, handle: number): WhoisFinding[] {
  const { table } = known.wiring;
  const own = readRuleSet().filter(
    (one) => (one.family === "inet" && one.name === table) || one.chains.has(table.toUpperCase()),
  );
  return own.flatMap(({ family, name, chains }) =>
    [...chains.values()]
      .filter((chain) => name === table || chain.name === table.toUpperCase())
      .flatMap((chain) =>
        chain.rules
          .filter((rule) => rule.handle === handle)
          .map((rule): WhoisFinding => {
            const [who, container] = spokenOf(known, rule);
            return {
              Kind: "rule",
              Subject: String(handle),
              Sentence: `stands in chain ${chain.name} of table ${family} ${name}${who}`,
              See: `nft -a list chain ${family} ${name} ${chain.name}`,
              ...(container !== undefined && containerOf(known, container)),
            };
          }),
      ),
  );
}

/** A link's name and an address stand in a rule as they are. */
function spokenOf({ wiring }: Known, { expressions }: HostRule): [string, string | undefined] {
  const bytes = Buffer.concat(expressions.map(({ data }) => data));
  const has = (text: string | Uint8Array) => text.length > 0 && bytes.includes(text, 0, "latin1");
  const end = wiring.endpoints.find(
    ({ link, addresses }) => (link !== "" && has(`${link}\0`)) || addresses.some((one) => has(packed(one))),
  );
  if (end !== undefined)
    return [`, and speaks of ${end.interface} on the network ${end.network}`, end.container];
  const networks = wiring.networks.filter(({ link }) => link !== "" && has(`${link}\0`));
  const names = networks.map(({ network }) => network).join(", ");
  return [names === "" ? "" : `, and speaks of the network ${names}`, undefined];
}

/** The bytes of an IPv4 address; nothing of another. */
function packed(address: string): Uint8Array {
  const bytes = address.split(".").map(Number);
  return bytes.length === 4 ? Uint8Array.from(bytes) : new Uint8Array();
}
