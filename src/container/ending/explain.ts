/** Why a container ended, with what it said last where it ended in other than success. */

import type { Ending } from "../../spec/docker_ending.ts";
import type { Container } from "../container.ts";
import { endingOf } from "./ending.ts";
import { lastWords } from "./last_words.ts";

const PATIENCE = 2000;

/** Undefined while it runs, and before its first start. */
export async function explainEnding(container: Container): Promise<Ending | undefined> {
  const ending = endingOf(container.record);
  if (ending === undefined || ending.ExitCode === 0 || ending.Cause === "not-started") return ending;
  const words = await lastWords(container, AbortSignal.timeout(PATIENCE));
  if (words.length === 0) return ending;
  const said = words.map((line) => JSON.stringify(line)).join(", then ");
  return { ...ending, LastWords: words, Sentences: [...ending.Sentences, `It said last: ${said}.`] };
}
