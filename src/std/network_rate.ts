/** How fast a container's network may be, as a user writes it. Pure. */

import { FathomError } from "./errors.ts";

/** Bytes a second in each direction, seen from the container; absent where there is no limit. */
export interface NetworkRate {
  down?: number;
  up?: number;
}

const UNITS: Readonly<Record<string, number>> = {
  bit: 1 / 8,
  kbit: 1e3 / 8,
  mbit: 1e6 / 8,
  gbit: 1e9 / 8,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};

/** Less than this and a connection does not get under way. */
const LEAST = 1000;
const MOST = 1e12;

/**
 * `10mbit` or `1MB` a second both ways, `down=10mbit,up=1mbit` each its own; `0` for no limit.
 * @throws {FathomError} invalid
 */
export function parseNetworkRate(text: string): NetworkRate {
  if (text === "" || text === "0") return {};
  if (!text.includes("=")) {
    const rate = parseRate(text, text);
    return { down: rate, up: rate };
  }
  const rate: NetworkRate = {};
  for (const part of text.split(",")) {
    const [, direction, value = ""] = /^(down|up)=(.+)$/.exec(part) ?? [];
    if (direction !== "down" && direction !== "up") throw notARate(text);
    if (value !== "0") rate[direction] = parseRate(value, text);
  }
  return rate;
}

function parseRate(value: string, whole: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([a-z]+)(?:\/s|ps)?$/i.exec(value) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const rate = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (rate >= LEAST && rate <= MOST) return rate;
  throw notARate(whole);
}

function notARate(text: string): FathomError {
  return new FathomError(
    "invalid",
    `invalid network rate ${JSON.stringify(text)}: write 10mbit or 1MB for both ways, or down=10mbit,up=1mbit; at least 8kbit, or 0 for no limit`,
  );
}
