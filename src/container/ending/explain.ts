/** Why a container ended, with what it said last where it ended in other than success. */

import type { Ending } from "../../spec/docker_ending.ts";
import type { Container } from "../container.ts";
import { endingOf } from "./ending.ts";
import { lastLines } from "./last_words.ts";
import { missingLibraries, NOT_LOADED } from "./missing_libraries.ts";

const PATIENCE = 2000;
/** How many lines are told as its last words. */
const WORDS = 2;

/** Undefined while it runs, and before its first start. */
export async function explainEnding(container: Container): Promise<Ending | undefined> {
  const ending = endingOf(container.record);
  if (ending === undefined || ending.ExitCode === 0 || ending.Cause === "not-started") return ending;
  const lines = await lastLines(container, AbortSignal.timeout(PATIENCE));
  const words = lines.slice(-WORDS);
  if (words.length === 0) return ending;
  const missing = ending.ExitCode === NOT_LOADED ? missingLibraries(lines) : [];
  const said = words.map((line) => JSON.stringify(line)).join(", then ");
  const Sentences = [...ending.Sentences, ...missing, `It said last: ${said}.`];
  return { ...ending, LastWords: words, Sentences };
}
