/** The files that networks' records are kept in: written whole, and read with what an earlier build did not know filled in. */

import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../std/errors.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";

/** What an engine leaves that is killed while it writes; the next takes it away. */
const UNFINISHED = ".tmp";

export function writeWhole(path: string, value: unknown, how: { flush: boolean }): Promise<void> {
  return writeText(path, `${JSON.stringify(value, null, 2)}\n`, how);
}

/** @param flush so that it outlives the host's power */
export async function writeText(path: string, text: string, { flush }: { flush: boolean }): Promise<void> {
  const temporary = `${path}${UNFINISHED}`;
  await writeFile(temporary, text, { mode: 0o600, flush });
  await rename(temporary, path);
}

/**
 * The records in a directory. A damaged one is told of and passed over: it must not keep an engine from starting.
 * @param whole the record that a file's content is; undefined for what is none
 */
export async function readAll<T>(
  directory: string,
  whole: (value: unknown) => T | undefined,
  warn: (sentence: string) => void,
): Promise<T[]> {
  const files = await readdir(directory);
  const names = files.filter((name) => name.endsWith(".json"));
  for (const name of files.filter((file) => file.endsWith(UNFINISHED)))
    await rm(join(directory, name), { force: true });
  const read = async (name: string): Promise<T[]> => {
    const path = join(directory, name);
    try {
      const record = whole(JSON.parse(await readFile(path, "utf8")));
      if (record !== undefined) return [record];
      warn(`${path} is not what Fathom writes: it is passed over`);
    } catch (error) {
      warn(`${path} cannot be read, and is passed over: ${messageOf(error)}`);
    }
    return [];
  };
  return (await Promise.all(names.map(read))).flat();
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

type Later<T, K extends keyof T> = Pick<T, K>;

/** What a network of a build that made none of one's own was. */
const NETWORK_DEFAULTS: Later<
  NetworkRecord,
  "EnableIPv4" | "EnableIPv6" | "Internal" | "Attachable" | "ConfigOnly" | "ConfigFrom" | "IPAM" | "Link"
> = {
  EnableIPv4: true,
  EnableIPv6: false,
  Internal: false,
  Attachable: false,
  ConfigOnly: false,
  ConfigFrom: "",
  IPAM: { Driver: "default", Options: null },
  Link: "",
};

/** A network's record; undefined for what is none. */
export function wholeNetwork(value: unknown): NetworkRecord | undefined {
  const { Id, Name, Driver, Subnets } = fieldsOf(value);
  const isNetwork = [Id, Name, Driver].every((field) => typeof field === "string") && Array.isArray(Subnets);
  return isNetwork ? { ...NETWORK_DEFAULTS, ...(value as NetworkRecord) } : undefined;
}

const ENDPOINT_DEFAULTS: Later<
  EndpointRecord,
  "Interface" | "Address6" | "Prefix6" | "Gateway6" | "DnsNames" | "Asked"
> = { Interface: "eth0", Address6: "", Prefix6: 0, Gateway6: "", DnsNames: [], Asked: {} };

/** A sandbox's record; undefined for what is none. */
export function wholeSandbox(value: unknown): SandboxRecord | undefined {
  const { Container, Id, Key, Endpoints } = fieldsOf(value);
  const isSandbox =
    [Container, Id, Key].every((field) => typeof field === "string") && Array.isArray(Endpoints);
  if (!isSandbox) return undefined;
  const sandbox = value as SandboxRecord;
  return {
    ...sandbox,
    Endpoints: sandbox.Endpoints.map((endpoint) => ({ ...ENDPOINT_DEFAULTS, ...endpoint })),
  };
}
