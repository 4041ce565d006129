/**
 * The resolver of a shim that dozes, as the shim tells its next image of it: by the environment, which an image of another build
 * that knows nothing of this passes over.
 *
 * This file loads nothing: see main.ts.
 */

/** Descriptors of the resolver's sockets, and the path of its table. */
export interface DozingNames {
  udp: number;
  tcp: number;
  namespace: number;
  table: string;
  /** All descriptors that the shim has handed on. */
  kept: readonly number[];
}

const VARIABLE = "FATHOM_DOZING_NAMES";

/** The variable for the next image. */
export function namesVariable({ udp, tcp, namespace, kept, table }: DozingNames): string {
  return `${VARIABLE}=${udp},${tcp},${namespace},${kept.join(":")},${table}`;
}

/** What the image before this one has told; nothing where it has no resolver. */
export function dozingNames(): DozingNames | undefined {
  const told = /^(\d+),(\d+),(\d+),([\d:]+),(.*)$/.exec(process.env[VARIABLE] ?? "");
  const [, udp, tcp, namespace, kept = "", table] = told ?? [];
  if (table === undefined) return undefined;
  const sockets = { udp: Number(udp), tcp: Number(tcp), namespace: Number(namespace) };
  return { ...sockets, kept: kept.split(":").map(Number), table };
}
