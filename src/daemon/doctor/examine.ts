/** `fathom doctor`: looks for what is damaged or left over, and mends what can be mended safely. */

import { rm } from "node:fs/promises";
import { ENGINE_CGROUP } from "../../container/mod.ts";
import { unmount } from "../../kernel/mod.ts";
import type { Examination, Finding } from "../../spec/doctor.ts";
import { messageOf } from "../../std/errors.ts";
import { killLeftovers } from "../host.ts";
import { gatherFacts, type Roots } from "./facts.ts";
import { findingsOf, type Known } from "./findings.ts";

/** Between two looks while a daemon works, in milliseconds: what it is just making or taking away is no finding. */
const SECOND_LOOK = 500;

/** How long the shims that waited for a daemon that was killed are given to be gone, in milliseconds. */
const LAST_SHIMS = 2000;

interface Options {
  fix: boolean;
  known: (() => Promise<Known>) | undefined;
  /** What a running daemon knows of how this host's rules treat containers' traffic: sentences. */
  warnings?: () => readonly string[];
}

function firewallFinding(warning: string): Finding {
  const sentence = warning.replace(/^WARNING: /, "");
  return { kind: "firewall", subject: "forward", sentence, see: "nft list ruleset", mendable: false };
}

/** `known` gives the statuses of a running daemon's containers; undefined where none runs. */
export async function examine(
  roots: Roots,
  { fix, known, warnings = () => [] }: Options,
): Promise<Examination> {
  let first = await look(roots, known);
  if (known === undefined) {
    if (first.findings.some(({ kind }) => kind === "shim")) {
      await Bun.sleep(LAST_SHIMS);
      first = await look(roots, known);
    }
    const lives = first.facts.daemon?.lives === true;
    if (fix && !lives) for (const finding of first.findings) await mend(finding);
    return { daemon: false, Findings: first.findings, Unknown: [lives ? SILENT : NO_DAEMON] };
  }
  await Bun.sleep(SECOND_LOOK);
  const before = new Set(first.findings.map(({ kind, subject }) => `${kind} ${subject}`));
  const { findings } = await look(roots, known);
  const Findings = findings.filter(({ kind, subject }) => before.has(`${kind} ${subject}`));
  if (fix) for (const finding of Findings) await mend(finding);
  return { daemon: true, Findings: [...Findings, ...warnings().map(firewallFinding)], Unknown: [] };
}

async function look(roots: Roots, known: (() => Promise<Known>) | undefined) {
  const facts = await gatherFacts(roots);
  return { facts, findings: findingsOf(facts, await known?.()) };
}

const NO_DAEMON =
  "No daemon runs: whether containers that are noted as running still do is known only to the next one, which asks their shims.";
const SILENT = "A daemon of these files runs and was not asked (see -H), so that nothing was mended.";

async function mend(finding: Finding): Promise<void> {
  if (!finding.mendable) return;
  try {
    finding.done = await mended(finding);
  } catch (error) {
    finding.done = `could not be mended: ${messageOf(error)}`;
  }
}

async function mended({ kind, subject }: Finding): Promise<string> {
  switch (kind) {
    case "mount":
      unmount(subject, { detach: true });
      return `unmounted ${subject}`;
    case "cgroup":
      await killLeftovers(`${ENGINE_CGROUP}/${subject}`);
      return `ended what ran in the control groups of ${subject.slice(0, 12)}, and removed them`;
    default:
      await rm(subject, { recursive: true, force: true });
      return `removed ${subject}`;
  }
}

/** Without a daemon, for the command line: JSON on standard output. Gives the exit status. */
export async function examineAlone(roots: Roots, options: { fix: boolean }): Promise<number> {
  const examination = await examine(roots, { ...options, known: undefined });
  process.stdout.write(`${JSON.stringify(examination)}\n`);
  return 0;
}
