/** What a linked container tells of itself by environment variables: Docker's, name by name. Pure. */

export interface LinkedContainer {
  /** `/web/db`: the container that links, and the alias under which it does. */
  name: string;
  alias: string;
  address: string;
  /** `80/tcp`, … */
  ports: readonly string[];
  env: readonly string[];
}

interface Port {
  number: number;
  protocol: string;
}

/** Not of the container but of how its image was built. */
const NOT_TOLD: readonly string[] = ["HOME", "PATH"];

/** `DB_PORT=tcp://172.17.0.2:5432`, `DB_NAME=/web/db`, `DB_ENV_USER=…`. */
export function linkVariables({ name, alias, address, ports, env }: LinkedContainer): string[] {
  const prefix = alias.toUpperCase().replaceAll("-", "_");
  const sorted = ports.map(parsePort).sort(byProtocolAndNumber);
  const [first] = sorted;
  const own = env.flatMap((variable) => {
    const [, key = "", value] = /^([^=]*)=(.*)$/s.exec(variable) ?? [];
    return value === undefined || NOT_TOLD.includes(key) ? [] : [`${prefix}_ENV_${key}=${value}`];
  });
  return [
    ...(first ? [`${prefix}_PORT=${urlOf(first, address)}`] : []),
    ...rangesOf(sorted).flatMap((range) => rangeVariables(prefix, range, address)),
    ...sorted.flatMap((port) => portVariables(prefix, port, address)),
    `${prefix}_NAME=${name}`,
    ...own,
  ];
}

function parsePort(text: string): Port {
  const [number = "", protocol = "tcp"] = text.split("/");
  return { number: Number(number), protocol };
}

/** TCP before the others. */
function byProtocolAndNumber(a: Port, b: Port): number {
  if (a.protocol !== b.protocol) return a.protocol === "tcp" ? -1 : 1;
  return a.number - b.number;
}

interface Range {
  first: Port;
  last: Port;
}

/** Runs of ports that follow one another. */
function rangesOf(ports: readonly Port[]): Range[] {
  const ranges: Range[] = [];
  for (const port of ports) {
    const open = ranges.at(-1);
    const follows = open && open.last.protocol === port.protocol && open.last.number + 1 === port.number;
    if (follows) open.last = port;
    else ranges.push({ first: port, last: port });
  }
  return ranges.filter(({ first, last }) => first !== last);
}

function rangeVariables(prefix: string, { first, last }: Range, address: string): string[] {
  const start = keyOf(prefix, first);
  const end = keyOf(prefix, last);
  return [
    `${start}_START=${urlOf(first, address)}`,
    `${start}_ADDR=${address}`,
    `${start}_PROTO=${first.protocol}`,
    `${start}_PORT_START=${first.number}`,
    `${start}_END=${urlOf(last, address)}`,
    `${start}_PORT_END=${last.number}`,
  ].map((variable) => (end === start ? variable : variable));
}

function portVariables(prefix: string, port: Port, address: string): string[] {
  const key = keyOf(prefix, port);
  return [
    `${key}=${urlOf(port, address)}`,
    `${key}_ADDR=${address}`,
    `${key}_PORT=${port.number}`,
    `${key}_PROTO=${port.protocol}`,
  ];
}

function keyOf(prefix: string, { number, protocol }: Port): string {
  return `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
}

function urlOf({ number, protocol }: Port, address: string): string {
  return `${protocol}://${address}:${number}`;
}
