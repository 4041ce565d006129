/**
 * Published ports pass the host's own firewall first, as if the host served them: where `respect-host-firewall` is set.
 *
 * Copies of the host's rules (copy.ts) are made before a port is published and made anew when the host's rules change, so that a
 * published port is never open to whom they keep out. Where they cannot be copied, published ports are closed, and a sentence says so.
 */

import {
  type CopyTable,
  drop,
  type HostTable,
  readRuleSet,
  replaceCopies,
  toPorts,
  toThisHost,
} from "../../kernel/net/mod.ts";
import { messageOf } from "../../std/errors.ts";
import { PROTOCOL_NUMBERS } from "../ports/port.ts";
import { copiesOf, type GuardedPorts } from "./copy.ts";

export interface HostInput {
  /** Has the copies fit the host's rules and these ports. Where that cannot be had the ports are closed. @throws {SyscallError} when not even that can be had. */
  guard(ports: readonly GuardedPorts[]): void;
  /** What a user should know, in sentences. */
  warnings(): readonly string[];
}

interface Options {
  /** False: published ports are open, as Docker has them. */
  respected: boolean;
  warn: (sentence: string) => void;
}

/** @param owner the name of the engine's own table, with which the copies' names begin */
export function openHostInput(owner: string, { respected, warn }: Options): HostInput {
  let made: string | undefined;
  let warnings: readonly string[] = [];
  const place = (there: readonly HostTable[], tables: readonly CopyTable[]): void => {
    const text = JSON.stringify(tables, fingerprint);
    const old = there.filter(({ name }) => isCopy(owner, name));
    if (text === made && old.length === tables.length && tables.every((table) => isThere(old, table))) return;
    replaceCopies(old, tables);
    made = text;
  };
  const guard = (ports: readonly GuardedPorts[]): void => {
    const there = readRuleSet();
    const ofHost = there.filter(({ name }) => !isCopy(owner, name));
    try {
      place(there, copiesOf(ofHost, { owner, ports }));
      warnings = [];
    } catch (error) {
      const sentence = `WARNING: the host's rules cannot be copied (${messageOf(error)}), and what is published cannot be asked about: it is closed to everybody; start the engine without --respect-host-firewall to open it`;
      if (!warnings.includes(sentence)) warn(sentence);
      warnings = [sentence];
      place(there, closed(owner, ports));
    }
  };
  return {
    guard(ports) {
      // An earlier engine's copies go once.
      if (!respected && made !== undefined) return;
      guard(respected ? wholeOf(ports) : []);
    },
    warnings: () => warnings,
  };
}

function isCopy(owner: string, name: string): boolean {
  return name.startsWith(`${owner}-input-`);
}

/** A table of a copy's name that has as many chains and rules. */
function isThere(old: readonly HostTable[], { family, name, chains }: CopyTable): boolean {
  const found = old.find((one) => one.family === family && one.name === name);
  return (
    found !== undefined &&
    found.chains.size === chains.length &&
    chains.every((chain) => found.chains.get(chain.name)?.rules.length === chain.rules.length)
  );
}

/** What counts is no difference. */
function fingerprint(this: unknown, key: string, value: unknown): unknown {
  const { name } = (this ?? {}) as { name?: unknown };
  if (key === "data" && (name === "counter" || name === "quota" || name === "last")) return "";
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
}

/** Each port once, whatever address it is published at. */
function wholeOf(ports: readonly GuardedPorts[]): GuardedPorts[] {
  const all = ports.map(({ Protocol, HostPort, Count }) => ({ Protocol, HostPort, Count }));
  const seen = new Map(all.map((one) => [`${one.Protocol} ${one.HostPort} ${one.Count}`, one]));
  return [...seen.values()].sort((a, b) => a.HostPort - b.HostPort);
}

function closed(owner: string, ports: readonly GuardedPorts[]): CopyTable[] {
  const rules = ports.map(({ Protocol, HostPort, Count }) => ({
    own: [
      toThisHost,
      toPorts({ name: Protocol, number: PROTOCOL_NUMBERS[Protocol] }, HostPort, HostPort + Count - 1),
      drop,
    ],
  }));
  return [
    {
      family: "inet",
      name: `${owner}-input-0`,
      chains: [{ name: "closed", priority: -150, rules }],
      sets: [],
    },
  ];
}
