/** Ulimits as the docker command writes them. */

/** A limit of setrlimit(2) by its name without RLIMIT_, in Docker's form; -1 is unlimited. */
export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

const LIMITS: ReadonlySet<string> = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** `nofile=1024:2048`; the hard limit is the soft one where it is left out. @throws {Error} in Docker's words. */
export function parseUlimit(text: string): Ulimit {
  const [, name, limits] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (!name || limits === undefined) throw new Error(`invalid ulimit argument: ${text}`);
  if (!LIMITS.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const values = limits.split(":").map(limitValue);
  const [soft = 0, hard = soft] = values;
  if (values.length > 2)
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

function limitValue(text: string): number {
  if (!/^(-1|\d+)$/.test(text))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}
