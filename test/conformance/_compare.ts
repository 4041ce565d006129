/** Two engines' answers side by side: what is each one's own (IDs, times, places, addresses) is named alike first. */

/** One engine's names for what is its own: text as it stands in its answers, and what to call it. */
export type Names = readonly (readonly [text: string, name: string])[];

const OWN: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z/g, "TIME"],
  [/\b(?:0[1-9]|[1-9a-f][0-9a-f])(?::[0-9a-f]{2}){5}\b/g, "MAC"],
  [/\b172\.\d+\.\d+\.\d+\b/g, "ADDRESS"],
  [/(?:About )?\b(?:a|an|\d+) (?:second|minute)s?\b|Less than a second/g, "A WHILE"],
];

/** An answer with the engine's own names in it replaced, in keys as well. */
export function normalised(value: unknown, names: Names): unknown {
  const plain = (text: string): string => {
    const named = names.reduce((all, [own, name]) => all.replaceAll(own, name), text);
    return OWN.reduce((all, [pattern, name]) => all.replace(pattern, name), named)
      .replace(/\b[0-9a-f]{64}\b/g, "SOME ID")
      .replace(/\/netns\/[0-9a-f]+$/, "/netns/SANDBOX");
  };
  const walk = (part: unknown): unknown => {
    if (typeof part === "string") return plain(part);
    if (Array.isArray(part)) return part.map(walk).sort(byKey);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [plain(key), walk(inner)]));
  };
  return walk(value);
}

/** Docker tells mounts and ports in no order. */
function byKey(a: unknown, b: unknown): number {
  const [left, right] = [a, b].map((item) =>
    isPlain(item) ? (item.Destination ?? item.PrivatePort) : undefined,
  );
  return left === undefined || right === undefined ? 0 : String(left).localeCompare(String(right));
}

/** Where two values differ: `HostConfig.Dns: null | []`, the left before the bar. Absent, null and empty are three things. */
export function differences(left: unknown, right: unknown, path = ""): string[] {
  if (Object.is(left, right)) return [];
  if (isPlain(left) && isPlain(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].flatMap((key) =>
      differences(left[key], right[key], path === "" ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(left) && Array.isArray(right) && left.length === right.length)
    return left.flatMap((item, index) => differences(item, right[index], `${path}[${index}]`));
  return [`${path}: ${shown(left)} | ${shown(right)}`];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
