/**
 * Seeing to it that containers' traffic passes this host: found out whenever rules change, mended in iptables' FORWARD where only the
 * policy is in the way, told to a person otherwise.
 */

import {
  type HostTable,
  listLinks,
  listRoutes,
  type NetlinkSocket,
  readRuleSet,
} from "../../kernel/net/mod.ts";
import { messageOf } from "../../std/errors.ts";
import { legacyWarnings } from "./legacy.ts";
import { isOfIptables, type Obstacle, obstaclesOf, tellObstacle, type Ways } from "./obstacles.ts";
import { type Change, hasPass, letPass, passChain, takeBack, withoutPass } from "./pass.ts";
import type { RunWithInput } from "./run.ts";

export interface Forwarding {
  /** Looks at the host's rules as they are now, and mends what can be mended. Never throws. */
  look(bridges: Ways["bridges"]): void;
  /** Resolves when what was begun is done. */
  settled(): Promise<void>;
  /** What stands in the way still, one sentence each. */
  warnings(): readonly string[];
}

interface Tools {
  /** The engine's own table. */
  table: string;
  host: () => NetlinkSocket;
  run: RunWithInput;
  /** Takes each sentence once, as long as it holds. */
  warn: (sentence: string) => void;
}

export function watchForwarding(tools: Tools): Forwarding {
  const chain = passChain(tools.table);
  let told: readonly string[] = [];
  let old: readonly string[] = [];
  let warnings: readonly string[] = [];
  /** What the engine's chain was last given, and why that failed, by the program. */
  const given = new Map<string, string>();
  const failures = new Map<string, string>();
  let working: Promise<void> = Promise.resolve();

  const tell = (): void => {
    const now = [...told, ...old, ...failures.values()];
    for (const sentence of now) if (!warnings.includes(sentence)) tools.warn(sentence);
    warnings = now;
  };
  const apply = async ({ program, rules }: Change): Promise<void> => {
    const ended = await tools.run([program, "--noflush", "--wait", "5"], rules);
    failures.delete(program);
    if (ended?.exitCode !== 0) {
      given.delete(program);
      const why =
        ended === undefined ? "is not installed (package iptables)" : `says: ${ended.stderr.trim()}`;
      failures.set(
        program,
        `WARNING: the policy of FORWARD drops what containers send, and ${program} ${why}`,
      );
    }
    tell();
  };
  const askOldTables = async (links: readonly string[]): Promise<void> => {
    try {
      old = await legacyWarnings(tools.run, links);
    } catch (error) {
      tools.warn(`iptables' old tables cannot be read: ${messageOf(error)}`);
    }
    tell();
  };
  return {
    look(bridges) {
      working = working.then(() => askOldTables(bridges.map(({ link }) => link)));
      try {
        const planned = plan(readRuleSet(), { ...tools, chain, bridges, given });
        told = planned.told;
        for (const change of planned.changes) {
          given.set(change.program, change.content);
          working = working.then(() => apply(change));
        }
      } catch (error) {
        told = [`WARNING: the host's rules cannot be read: ${messageOf(error)}`];
      }
      tell();
    },
    settled: () => working,
    warnings: () => warnings,
  };
}

interface Situation extends Pick<Tools, "table" | "host"> {
  chain: string;
  bridges: Ways["bridges"];
  given: ReadonlyMap<string, string>;
}

/** What to tell, and what to change. */
function plan(
  tables: readonly HostTable[],
  { table, host, chain, bridges, given }: Situation,
): { told: string[]; changes: Change[] } {
  const links = listLinks(host());
  const outside = listRoutes(host()).find(({ prefix }) => prefix === 0)?.link;
  const ways = { table, bridges, outside: links.find(({ index }) => index === outside)?.name ?? "" };
  const others = links
    .filter(({ kind, name }) => kind === "bridge" && !bridges.some(({ link }) => link === name))
    .map(({ name }) => name);
  const plain = new Map(tables.map((one) => [withoutPass(one, chain), one]));
  const obstacles = obstaclesOf([...plain.keys()], ways);
  const [passed, told] = [obstacles.filter(isPassable), obstacles.filter((one) => !isPassable(one))];
  const asIs = (one: HostTable): HostTable => plain.get(one) ?? one;
  const changes = passed.flatMap((obstacle) => {
    const change = letPass({ ...obstacle, table: asIs(obstacle.table) }, chain, others);
    const isThere = hasPass(asIs(obstacle.table), chain) && given.get(change.program) === change.content;
    return isThere ? [] : [change];
  });
  const needed = new Set(passed.map((one) => asIs(one.table)));
  const idle = tables.filter((one) => one.chains.has(chain) && !needed.has(one));
  return { told: told.map(tellObstacle), changes: [...changes, ...idle.map((one) => takeBack(one, chain))] };
}

/** Only the policy of iptables' FORWARD: what somebody has said of such traffic holds. */
function isPassable(obstacle: Obstacle): boolean {
  return isOfIptables(obstacle) && obstacle.by.handle === undefined;
}
