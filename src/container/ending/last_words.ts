/** The end of a container's log, where a program often says why it ends. */

import { kindOf } from "../../std/errors.ts";
import type { Container } from "../container.ts";
import { readLogs } from "../read_logs.ts";

/** A loader that lacks libraries says more than the last two. */
const LINES = 50;
const MOST_CHARACTERS = 300;
const OPTIONS = { follow: false, timestamps: false, details: false, since: 0n, until: 0n, tail: LINES };

/** Its last lines, on standard error where it has written there; none where no log can be read. */
export async function lastLines(container: Container, signal: AbortSignal): Promise<string[]> {
  const onError = await read(container, { stdout: container.record.config.Config.Tty, stderr: true }, signal);
  return onError.length > 0 ? onError : read(container, { stdout: true, stderr: false }, signal);
}

async function read(
  container: Container,
  streams: { stdout: boolean; stderr: boolean },
  signal: AbortSignal,
): Promise<string[]> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    const { tty, output } = readLogs(container, { ...OPTIONS, ...streams }, signal);
    // Frames of Docker's multiplexed stream have a header of eight bytes; one record is one frame.
    for await (const bytes of output) text += decoder.decode(tty ? bytes : unframed(bytes));
  } catch (error) {
    if (kindOf(error) === "unsupported") return [];
    throw error;
  }
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .slice(-LINES)
    .map((line) => line.slice(0, MOST_CHARACTERS));
}

const HEADER = 8;

function unframed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const end = at + HEADER + view.getUint32(at + 4);
    parts.push(bytes.subarray(at + HEADER, end));
    at = end;
  }
  return Buffer.concat(parts);
}
