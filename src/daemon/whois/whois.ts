/**
 * Whose a thing on this host is: a process, a port, a link, an address, a rule, a path.
 *
 * A number may be a process and a port at once: both are answered. What is not this engine's is nobody's, and is said to be.
 */

import type { Containers } from "../../container/mod.ts";
import type { Wiring } from "../../network/mod.ts";
import type { WhoisAnswer, WhoisFinding } from "../../spec/whois.ts";
import { FathomError } from "../../std/errors.ts";
import type { Known, KnownContainer } from "./known.ts";
import { addressFindings, linkFindings } from "./links.ts";
import { pathFindings } from "./paths.ts";
import { portFindings } from "./ports.ts";
import { processFindings } from "./processes.ts";
import { ruleFindings } from "./rules.ts";

export interface WhoisSources {
  containers: Containers["containers"];
  wiring: () => Wiring;
  dataRoot: string;
  execRoot: string;
}

/** @throws {FathomError} invalid, when what is asked for can be none of the kinds. */
export async function whois(sources: WhoisSources, asked: string): Promise<WhoisAnswer> {
  const [, word, subject = ""] =
    /^(?:(pid|port|link|ip|mac|rule|handle|path)\s+)?(.*)$/s.exec(asked.trim()) ?? [];
  const known: Known = {
    containers: await containersOf(sources.containers),
    wiring: sources.wiring(),
    dataRoot: sources.dataRoot,
    execRoot: sources.execRoot,
  };
  return { Asked: asked, Findings: await findings(known, word, subject) };
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

async function findings(known: Known, word: string | undefined, subject: string): Promise<WhoisFinding[]> {
  const [, digits, protocol] = /^(\d{1,10})(?:\/(tcp|udp|sctp))?$/.exec(subject) ?? [];
  if (word === "rule" || word === "handle") return ruleFindings(known, numberIn(digits, word));
  if (word === "pid") return processFindings(known, numberIn(digits, word));
  if (word === "port") return portFindings(known, numberIn(digits, word), protocol);
  if (digits !== undefined && word === undefined)
    return [
      ...(protocol === undefined ? await processFindings(known, Number(digits)) : []),
      ...(await portFindings(known, Number(digits), protocol)),
    ];
  if (subject.startsWith("/") || word === "path") return pathFindings(known, subject);
  if (MAC.test(subject) || /^[\d.]+$/.test(subject) || subject.includes(":"))
    return addressFindings(known, subject);
  return linkFindings(known, subject);
}

function numberIn(digits: string | undefined, word: string): number {
  if (digits !== undefined) return Number(digits);
  throw new FathomError("invalid", `${word} is followed by a number, as in ${word} 12`);
}

async function containersOf(containers: Containers["containers"]): Promise<KnownContainer[]> {
  const all = await containers.list({ all: true, limit: 0, size: false, filters: {} });
  return Promise.all(
    all.map(async ({ Id, Names, Image, Command, State, Ports, Mounts }) => {
      const inspected = await containers.inspect(Id, { size: false }).catch(() => undefined);
      const Name = (Names[0] ?? Id).replace(/^\//, "");
      return { Id, Name, Image, Command, State, Pid: inspected?.State.Pid ?? 0, Ports, Mounts };
    }),
  );
}
