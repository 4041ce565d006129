/** Small JSON documents from registries. */

import { FathomError } from "../std/errors.ts";

/** The object that a text holds; undefined where it is something else, or nested past all sense. */
export function foundOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

export function failedFor(what: string): FathomError {
  return new FathomError("invalid", `${what} is not what the registry API says it must be`);
}
