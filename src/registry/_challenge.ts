/** WWW-Authenticate: what a registry wants to be shown (RFC 9110, 11.6.1; distribution's token specification). */

export type Challenge =
  | { scheme: "basic" }
  | { scheme: "bearer"; realm: string; service?: string; scope?: string };

/** The challenges that are understood, in their order. */
export function parseChallenges(header: string): Challenge[] {
  return splitSchemes(header.slice(0, MOST_BYTES)).flatMap(({ scheme, parameters }): Challenge[] => {
    if (scheme === "basic") return [{ scheme }];
    const { realm, service, scope } = parameters;
    if (scheme !== "bearer" || realm === undefined) return [];
    return [
      { scheme, realm, ...(service !== undefined && { service }), ...(scope !== undefined && { scope }) },
    ];
  });
}

const MOST_BYTES = 16 * 1024;
/** `name=value`, `name="quoted"`, or a scheme's name alone. */
const PIECE = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;

function splitSchemes(header: string): { scheme: string; parameters: Record<string, string> }[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, name = "", quoted, plain] of header.matchAll(PIECE)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    if (value === undefined) found.push({ scheme: name.toLowerCase(), parameters: {} });
    else Object.assign(found.at(-1)?.parameters ?? {}, { [name.toLowerCase()]: value });
  }
  return found;
}
