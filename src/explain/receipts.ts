/**
 * The receipts of all containers of one data root.
 *
 * Steps gather in memory while work for a container is under way, and are appended to its file in one write some time after the
 * last such work has ended. Readers have them written first, so that what they see is whole.
 */

import { join } from "node:path";
import type { Receipt } from "../spec/docker.ts";
import type { Ending } from "../spec/docker_ending.ts";
import type { Actor, Step } from "../spec/receipt.ts";
import { followSteps } from "./_follow.ts";
import { append, read } from "./_journal.ts";
import { linesOf } from "./line.ts";
import { storyOf } from "./story.ts";

/** Who a receipt is about. */
export interface ReceiptSubject {
  id: string;
  /** Without the leading slash. */
  name: string;
  /** The process in the host's numbering; 0 while none runs. */
  pid: number;
  /** It has run and has ended. */
  ended: boolean;
  /** Why, where it has ended or could not be started. */
  ending?: Ending;
}

interface ReceiptOptions {
  /** Holds one directory for each container, named by its ID. */
  containersDirectory: string;
  /** Runs work with its steps going to a sink (kernel/receipt.ts). */
  recording: <T>(by: Actor, sink: (step: () => Step) => void, work: () => T) => T;
  /** A container by ID, prefix or name; throws not-found. */
  find: (name: string) => Promise<ReceiptSubject>;
}

export interface ReceiptStore {
  /** Runs work so that its steps join the container's receipt. */
  record<T>(containerId: string, work: () => Promise<T>): Promise<T>;
  append(containerId: string, steps: Step[]): Promise<void>;
  get(name: string): Promise<Receipt>;
  /**
   * The receipt as a story; with `follow` step by step as it happens, until the container has ended or the signal comes.
   * The text ends in a newline.
   */
  tell(name: string, options: { follow: boolean }, signal: AbortSignal): Promise<AsyncIterable<string>>;
}

/** What waits to be written for one container. */
interface Pending {
  /** What makes the steps: nobody waits for that while work is under way. */
  steps: (() => Step)[];
  omitted: number;
  /** Works under way; nothing is written before the last has ended. */
  works: number;
  writing: Promise<void>;
  /** Those who follow: they get each step at once, written or not. */
  listeners: Set<(step: Step) => void>;
}

/** Milliseconds between the end of work and the write: late enough to be off the path of a start. */
const WRITE_AFTER = 50;
/** Most steps kept in memory for one container; about what a file takes. */
const MOST_PENDING = 8192;

/** Opens the receipts; nothing is read before it is asked for. */
export function openReceipts(options: ReceiptOptions): ReceiptStore {
  const pending = new Map<string, Pending>();
  const fileOf = (id: string) => join(options.containersDirectory, id, "receipt.jsonl");

  const pendingOf = (id: string): Pending => {
    const known = pending.get(id);
    if (known !== undefined) return known;
    const made: Pending = {
      steps: [],
      omitted: 0,
      works: 0,
      writing: Promise.resolve(),
      listeners: new Set(),
    };
    pending.set(id, made);
    return made;
  };

  const write = (id: string): Promise<void> => {
    const entry = pending.get(id);
    if (entry === undefined) return Promise.resolve();
    const writing = () => writeOut(entry, fileOf(id));
    // A write that failed has been told to whoever asked for it.
    entry.writing = entry.writing.then(writing, writing);
    return entry.writing.finally(() => {
      if (entry.works + entry.steps.length + entry.listeners.size === 0) pending.delete(id);
    });
  };

  return {
    async record(id, work) {
      const entry = pendingOf(id);
      entry.works++;
      try {
        return await options.recording("daemon", (step) => keep(entry, step), work);
      } finally {
        entry.works--;
        if (entry.works === 0) setTimeout(() => void writeUnlessBusy(entry, () => write(id)), WRITE_AFTER);
      }
    },
    async append(id, steps) {
      const entry = pendingOf(id);
      for (const step of steps) keep(entry, () => step);
      await write(id);
    },
    async get(name) {
      const subject = await options.find(name);
      const { steps } = await receiptOf(subject.id);
      return {
        Id: subject.id,
        Name: `/${subject.name}`,
        ...(subject.ending && { Ending: subject.ending }),
        Steps: steps,
      };
    },
    async tell(name, { follow }, signal) {
      const subject = await options.find(name);
      if (!follow) return once(storyOf(subject, await receiptOf(subject.id)));
      return lines(followSteps(fileOf(subject.id), { signal, ...sourceOf(subject.id) }));
    },
  };

  /** What a follower needs to know of a container. */
  function sourceOf(id: string) {
    return {
      listen(listener: (step: Step) => void) {
        const { listeners } = pendingOf(id);
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      write: () => write(id),
      ended: () =>
        options.find(id).then(
          (subject) => subject.ended,
          () => true,
        ),
    };
  }

  async function receiptOf(id: string) {
    await write(id);
    const journal = await read(fileOf(id));
    return { ...journal, steps: journal.steps.sort(byTime) };
  }
}

function keep(entry: Pending, step: () => Step): void {
  if (entry.steps.length < MOST_PENDING) entry.steps.push(step);
  else entry.omitted++;
  for (const listener of entry.listeners) listener(step());
}

async function writeOut(entry: Pending, path: string): Promise<void> {
  const { steps, omitted } = entry;
  entry.steps = [];
  entry.omitted = 0;
  const made = steps.map((make) => make());
  if (made.length > 0) await append(path, made, omitted);
}

/** A receipt that cannot be written (a full disk) must not take the engine down: what is lost is told on the daemon's log. */
async function writeUnlessBusy(entry: Pending, write: () => Promise<void>): Promise<void> {
  if (entry.works > 0) return;
  try {
    await write();
  } catch (error) {
    process.stderr.write(`a receipt could not be written: ${String(error)}\n`);
  }
}

function byTime(a: Step, b: Step): number {
  return a.at.length - b.at.length || (a.at < b.at ? -1 : Number(a.at > b.at));
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

async function* lines(batches: AsyncIterable<Step[]>): AsyncGenerator<string> {
  let first: Step | undefined;
  for await (const steps of batches) {
    first ??= steps[0];
    const told = first === undefined ? [] : linesOf(steps, first);
    if (told.length > 0) yield `${told.join("\n")}\n`;
  }
}
