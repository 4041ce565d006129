/** Starts a daemon where none answers, so that the first command on a machine works. */

import type { Choice } from "./endpoint.ts";
import { CommandError } from "./errors.ts";
import { connect } from "./http/connection.ts";
import { printError } from "./output.ts";

const WAIT_MS = 10_000;
/** For how long the daemon of somebody else is waited for, when ours has ended since that one was starting already. */
const OTHERS_MS = 3_000;
const PAUSE_MS = 10;
const LOG_DIR = "/var/log";
const LOG = "/var/log/fathom.log";

/** True when a daemon was started and answers. Does nothing, and is false, unless root asked for the default address. */
export async function startDaemon(choice: Choice): Promise<boolean> {
  if (!choice.isDefault || process.geteuid?.() !== 0) return false;
  const { selfCommand, selfEnvironment } = await import("../std/self.ts");
  const { mkdir, open } = await import("node:fs/promises");
  await mkdir(LOG_DIR, { recursive: true });
  await using log = await open(LOG, "a", 0o600);
  printError(`fathom: no daemon was running: starting one, which writes its log to ${LOG}\n`);
  const daemon = Bun.spawn(selfCommand(["daemon"]), {
    cwd: "/",
    env: selfEnvironment(),
    stdio: ["ignore", log.fd, log.fd],
    detached: true,
  });
  daemon.unref();
  await answers(choice, () => daemon.exitCode ?? daemon.signalCode);
  return true;
}

/** Waits until somebody accepts connections and answers a ping. */
async function answers(choice: Choice, ended: () => number | string | null): Promise<void> {
  let deadline = performance.now() + WAIT_MS;
  let how: number | string | null = null;
  while (performance.now() < deadline) {
    if (await pinged(choice)) return;
    if (how === null) {
      how = ended();
      if (how !== null) deadline = performance.now() + OTHERS_MS;
    }
    await Bun.sleep(PAUSE_MS);
  }
  if (how !== null) throw new CommandError(`the daemon ended (${how}) before it answered: see ${LOG}`);
  throw new CommandError(`the daemon did not answer within ${WAIT_MS / 1000} seconds: see ${LOG}`);
}

async function pinged(choice: Choice): Promise<boolean> {
  try {
    const connection = await connect(choice.endpoint);
    await connection.write(
      new TextEncoder().encode("GET /_ping HTTP/1.1\r\nHost: fathom\r\nConnection: close\r\n\r\n"),
    );
    const answer = await connection.read();
    connection.close();
    return answer !== null && answer.length > 0;
  } catch {
    // Not listening yet.
    return false;
  }
}
