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
  const sorted = ports.map(parsePort).sort(byNumber);
  const [first] = sorted;
  const own = env.flatMap((variable) => {
    const [, key = "", value] = /^([^=]*)=(.*)$/s.exec(variable) ?? [];
    return value === undefined || NOT_TOLD.includes(key) ? [] : [`${prefix}_ENV_${key}=${value}`];
  });
  return [
    ...(first ? [`${prefix}_PORT=${urlOf(first, address)}`] : []),
    ...sorted.flatMap((port) => portVariables(prefix, port, address)),
    `${prefix}_NAME=${name}`,
    ...own,
  ];
}

function parsePort(text: string): Port {
  const [number = "", protocol = "tcp"] = text.split("/");
  return { number: Number(number), protocol };
}

/** Of one number, TCP comes first. */
function byNumber(a: Port, b: Port): number {
  return a.number - b.number || Number(b.protocol === "tcp") - Number(a.protocol === "tcp");
}

function portVariables(prefix: string, port: Port, address: string): string[] {
  const key = `${prefix}_PORT_${port.number}_${port.protocol.toUpperCase()}`;
  return [
    `${key}=${urlOf(port, address)}`,
    `${key}_ADDR=${address}`,
    `${key}_PORT=${port.number}`,
    `${key}_PROTO=${port.protocol}`,
  ];
}

function urlOf({ number, protocol }: Port, address: string): string {
  return `${protocol}://${address}:${number}`;
}
