/** Answers that tell how long work goes on: one JSON object a line, a failure as the last of them. */

import type { ProgressMessage } from "../spec/docker_progress.ts";
import { messageOf } from "../std/errors.ts";

/** Lines that may wait for a slow reader; how far a layer is may be left out, what came of it never. */
const MOST_WAITING = 1000;

/**
 * Runs the work while its lines are read. Since the status goes out before them, a failure is told as Docker tells it: `errorDetail`
 * and `error`.
 */
export async function* progressLines(
  work: (tell: (message: ProgressMessage) => void) => Promise<void>,
): AsyncGenerator<string, void> {
  const waiting: string[] = [];
  let ended = false;
  let wake = (): void => undefined;
  const add = (line: object): void => {
    waiting.push(`${JSON.stringify(line)}\r\n`);
    wake();
  };
  const done = work((message) => {
    if (message.progressDetail === undefined || waiting.length < MOST_WAITING) add(message);
  })
    .catch((error: unknown) => add({ errorDetail: { message: messageOf(error) }, error: messageOf(error) }))
    .finally(() => {
      ended = true;
      wake();
    });
  while (!ended || waiting.length > 0) {
    const lines = waiting.splice(0).join("");
    if (lines !== "") yield lines;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (ended || waiting.length > 0) resolve();
      });
  }
  await done;
}
