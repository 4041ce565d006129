/** A receipt as a story: what was done, part by part, and what to type to see it. */

import type { Step } from "../spec/receipt.ts";
import { CHAPTERS, type Chapter, type Moment, STORY } from "./_chapters.ts";
import { COLUMNS, counted, cut, duration, printable, wrap } from "./_text.ts";
import { callOf } from "./line.ts";

interface Subject {
  id: string;
  name: string;
  pid: number;
  ended: boolean;
  ending?: { Sentences: readonly string[] };
}

interface Recorded {
  /** Sorted by time. */
  steps: readonly Step[];
  omitted: number;
}

/** A story fits on one screen. */
const MOST_FAILURES = 3;
const SENTENCE_LINES = 2;
/** Columns before a sentence: its number. */
const INDENT = 4;

/** The story of a container's receipt; at most 25 lines of 100 columns where it started once. Ends in a newline. */
export function storyOf(subject: Subject, { steps, omitted }: Recorded): string {
  if (steps.length === 0 && subject.ending === undefined)
    return `${printable(subject.name)} has not been started: nothing was done on the kernel yet.\n`;
  const pid = subject.pid > 0 ? subject.pid : programOf(steps)?.pid;
  const parts = partsOf(steps).flatMap(([chapter, own], index) => tellPart(chapter, own, { index, pid }));
  const why = wrap((subject.ending?.Sentences ?? []).join(" "), COLUMNS).filter((line) => line !== "");
  const lines = [headline(subject, steps), ...why, ...failures(steps), ...parts, ...ending(subject, omitted)];
  return lines.map((line) => `${cut(printable(line), COLUMNS)}\n`).join("");
}

function headline({ id, name }: Subject, steps: readonly Step[]): string {
  const total = steps.reduce((sum, { ns }) => sum + (ns ?? 0), 0);
  const time = total === 0 ? "" : `, which took ${duration(total)}`;
  return `${name} (${id.slice(0, 12)}): ${counted(steps.length, "step")} on the kernel${time}.`;
}

/** The container's process, and when its program began: the call that made it returns once execve has succeeded. */
function programOf(steps: readonly Step[]): { pid: number; began: bigint } | undefined {
  const program = steps.find(
    ({ by, call, error }) => by === "container" && call === "execve" && error === undefined,
  );
  if (program === undefined) return undefined;
  const made = steps.findLast(
    ({ call, at, result }) => call === "clone3" && result > 0 && BigInt(at) <= BigInt(program.at),
  );
  if (made === undefined) return undefined;
  return { pid: made.result, began: BigInt(made.at) + BigInt(made.ns ?? 0) };
}

function partsOf(steps: readonly Step[]): [Chapter, Step[]][] {
  const began = programOf(steps)?.began;
  const parts = new Map<Chapter, Step[]>();
  for (const step of steps) {
    const moment: Moment = began !== undefined && BigInt(step.at) > began ? "after" : "before";
    const chapter = CHAPTERS.find(({ has }) => has(step, moment));
    if (chapter === undefined) continue;
    const own = parts.get(chapter) ?? [];
    own.push(step);
    parts.set(chapter, own);
  }
  return STORY.flatMap((chapter) => {
    const own = parts.get(chapter);
    return own === undefined ? [] : [[chapter, own] satisfies [Chapter, Step[]]];
  });
}

function tellPart(
  chapter: Chapter,
  steps: readonly Step[],
  { index, pid }: { index: number; pid: number | undefined },
): string[] {
  const measured = steps.flatMap(({ ns, call }) => (ns === undefined || call === "clone3" ? [] : [ns]));
  const time = measured.length === 0 ? "" : `, ${duration(measured.reduce((sum, ns) => sum + ns, 0))}`;
  const [first = "", ...more] = fitted(chapter.sentence(steps), `[${counted(steps.length, "step")}${time}]`);
  const see = chapter.see === undefined || pid === undefined ? [] : [`     $ ${chapter.see(String(pid))}`];
  return [`${String(index + 1).padStart(2)}. ${first}`, ...more.map((line) => `    ${line}`), ...see];
}

/** At most SENTENCE_LINES lines; what is cut is the middle, so that the count at the end stays, and stays in one piece. */
function fitted(sentence: string, count: string): string[] {
  const width = COLUMNS - INDENT;
  const kept = count.replaceAll(" ", "\u00a0");
  const lines = wrap(`${sentence} ${kept}`, width);
  if (lines.length > SENTENCE_LINES) {
    const last = lines[SENTENCE_LINES - 1] ?? "";
    lines.splice(SENTENCE_LINES - 1, lines.length, `${cut(`${last}…`, width - kept.length - 1)} ${kept}`);
  }
  return lines.map((line) => line.replaceAll("\u00a0", " "));
}

/** What failed and was not allowed to, first of all. */
function failures(steps: readonly Step[]): string[] {
  const failed = steps.flatMap((step, index) =>
    step.error === undefined || step.allowed ? [] : [{ step, index }],
  );
  const lines = failed.slice(0, MOST_FAILURES).map(({ step, index }) => {
    const what = step.what === undefined ? "" : `${step.what}: `;
    return `FAILED at step ${index + 1}, ${step.by}: ${what}${step.error} by ${callOf(step)}`;
  });
  const rest = failed.length - lines.length;
  return rest > 0 ? [...lines, `FAILED: ${counted(rest, "more step")}; see them all with --json`] : lines;
}

function ending({ ended }: Subject, omitted: number): string[] {
  const lines: string[] = [];
  if (omitted > 0) lines.push(`${counted(omitted, "later step")} left out: the receipt was full.`);
  if (ended) lines.push("It has ended: the commands above work while it runs.");
  return lines;
}
