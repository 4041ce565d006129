/** The daemon's own log: one line an event on standard error, in logfmt, as dockerd writes it. */

import type { LogLevel } from "./config.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error", "fatal"];

export type Log = (level: LogLevel, message: string, fields?: Record<string, string | number>) => void;

/** A log that drops what is below `lowest`. */
export function openLog(lowest: LogLevel): Log {
  const from = ORDER.indexOf(lowest);
  return (level, message, fields = {}) => {
    if (ORDER.indexOf(level) < from) return;
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    process.stderr.write(
      `time=${new Date().toISOString()} level=${level} msg=${JSON.stringify(message)}${rest.join("")}\n`,
    );
  };
}
