/** Pieces of text that several listings share. */

const ID_LENGTH = 12;

/** The first twelve digits of an ID, without the name of its algorithm. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, ID_LENGTH);
}

/** Text cut to `length` characters, the last of which is then an ellipsis. */
export function ellipsis(text: string, length: number): string {
  const chars = [...text];
  return chars.length <= length ? text : `${chars.slice(0, length - 1).join("")}…`;
}

/** `a=b,c=d`, sorted by key. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`)
    .join(",");
}

/** Seconds since the epoch as Go's time.Time prints itself in the local zone: `2026-11-21 00:47:35 +0000 UTC`. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString();
  const size = Math.abs(offset);
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const zone = `${offset < 0 ? "-" : "+"}${two(size / 60)}${two(size % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone} ${zoneName(date, zone)}`;
}

/** The zone's abbreviation; Go prints the offset again for zones that have none. */
function zoneName(date: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
  return name.startsWith("GMT") && name !== "GMT" ? zone.replace(/00$/, "") : name;
}

/** Docker's `filters` parameter of repeated `name=value`. */
export function filterQuery(filters: readonly string[]): string | undefined {
  if (filters.length === 0) return undefined;
  const byName: Record<string, Record<string, true>> = {};
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    const name = filter.slice(0, equals).trim().toLowerCase();
    byName[name] = { ...byName[name], [filter.slice(equals + 1).trim()]: true };
  }
  return JSON.stringify(byName);
}

/** The check of a --filter flag. */
export function checkFilter(filter: string): void {
  if (!filter.includes("=")) throw new Error("bad format of filter (expected name=value)");
}
