/** `container:X` of a namespace mode. */

const PREFIX = "container:";

/** The ID or name in `container:X`. */
export function joinedName(mode: string): string | undefined {
  return mode.startsWith(PREFIX) ? mode.slice(PREFIX.length) : undefined;
}
