/** For tests: a network namespace with a resolver in it, an asker beside it, and servers for it to forward to. */

import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { closeFd } from "../kernel/file.ts";
import { inNetworkNamespace } from "../kernel/net/elsewhere.ts";
import { openSocket, receive, send, startConnect } from "../kernel/net/inet.ts";
import {
  keepNetworkNamespace,
  letGoOfNetworkNamespace,
  makeNetworkNamespace,
  setLink,
} from "../kernel/net/mod.ts";
import { readable, writable } from "../kernel/ready.ts";
import {
  type ContainerTable,
  containerTablePath,
  type NetworkTable,
  networkTablePath,
  RESOLVER_ADDRESS,
  RESOLVER_PORT,
} from "./contract.ts";
import { HEADER, TYPE } from "./message.ts";

export interface Place {
  /** Path of the namespace. */
  namespace: string;
  /** Path of the container's table. */
  table: string;
  writeNetwork(id: string, table: NetworkTable): void;
  writeContainer(table: Partial<ContainerTable>): void;
  /** Sends a message to the resolver by UDP and gives what comes back; nothing after `patience` milliseconds. */
  ask(message: Uint8Array, patience?: number): Promise<Uint8Array | undefined>;
  /** A stream to the resolver, in the namespace. */
  dial(): Promise<number>;
}

/** A namespace with loopback up, and tables for it; gone with the stack. */
export function makePlace(stack: AsyncDisposableStack): Place {
  const root = mkdtempSync(join(tmpdir(), "fathom-test-dns-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, "netns");
  using namespace = makeNetworkNamespace();
  keepNetworkNamespace(namespace, path);
  stack.defer(() => letGoOfNetworkNamespace(path));
  setLink(namespace.route, { index: 1, name: "lo" }, { up: true });
  const fd = stack.adopt(openSync(path, "r"), closeFd);
  const table = containerTablePath(root, "c1");
  return {
    namespace: path,
    table,
    writeNetwork: (id, names) => writeWhole(networkTablePath(root, id), names),
    writeContainer: (partial) =>
      writeWhole(table, {
        networks: [{ id: "n1", links: {} }],
        extra: {},
        servers: [],
        forward: true,
        ndots: false,
        ...partial,
      }),
    ask: (message, patience = 2000) => askIn(fd, message, patience),
    dial: () => dialIn(fd),
  };
}

function writeWhole(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, JSON.stringify(value));
  renameSync(`${path}.tmp`, path);
}

const RESOLVER = { address: RESOLVER_ADDRESS, port: RESOLVER_PORT };

async function askIn(
  namespace: number,
  message: Uint8Array,
  patience: number,
): Promise<Uint8Array | undefined> {
  const fd = inNetworkNamespace(namespace, () => openSocket("udp", RESOLVER_ADDRESS));
  try {
    startConnect(fd, RESOLVER);
    send(fd, message);
    const into = new Uint8Array(new ArrayBuffer(65_535));
    const end = performance.now() + patience;
    for (;;) {
      const count = receive(fd, into);
      if (count >= 0) return into.slice(0, count);
      if (performance.now() > end) return undefined;
      await Bun.sleep(1);
    }
  } finally {
    closeFd(fd);
  }
}

async function dialIn(namespace: number): Promise<number> {
  const fd = inNetworkNamespace(namespace, () => openSocket("tcp", RESOLVER_ADDRESS));
  startConnect(fd, RESOLVER);
  await writable(fd);
  return fd;
}

/** Reads one message of a stream. */
export async function readFramed(fd: number): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  const into = new Uint8Array(new ArrayBuffer(65_535));
  while (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) {
    await readable(fd);
    const count = receive(fd, into);
    if (count === 0) throw new Error("the stream has ended");
    if (count > 0) bytes = Buffer.concat([bytes, into.subarray(0, count)]);
  }
  return bytes.subarray(2, 2 + bytes.readUInt16BE(0));
}

/** A query as a stub resolver sends it. */
export function queryFor(name: string, type: number = TYPE.A, { id = 7, edns = 0 } = {}): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "");
  const question = Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])),
    Buffer.from([0, type >> 8, type & 0xff, 0, 1]),
  ]);
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0]);
  const options = edns ? Buffer.from([0, 0, TYPE.OPT, edns >> 8, edns & 0xff, 0, 0, 0, 0, 0, 0]) : [];
  return Buffer.concat([header, question, Buffer.from(options)]);
}

/** What an answer says: its code, flags and the addresses or names in it. */
export function shown(reply: Uint8Array | undefined): {
  id: number;
  code: number;
  cut: boolean;
  records: string[];
} {
  if (reply === undefined) throw new Error("no answer came");
  const bytes = Buffer.from(reply);
  const records: string[] = [];
  let at = skipName(bytes, HEADER) + 4;
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    at = skipName(bytes, at);
    const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 8)];
    records.push(recordText(type, bytes.subarray(at + 10, at + 10 + length)));
    at += 10 + length;
  }
  return {
    id: bytes.readUInt16BE(0),
    code: (bytes[3] ?? 0) & 15,
    cut: ((bytes[2] ?? 0) & 2) !== 0,
    records: records.sort(),
  };
}

function recordText(type: number, data: Buffer): string {
  if (type === TYPE.A) return data.join(".");
  return type === TYPE.PTR ? nameText(data) : data.toString("hex");
}

function nameText(data: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; data[at] ?? 0; at += 1 + (data[at] ?? 0))
    labels.push(data.toString("latin1", at + 1, at + 1 + (data[at] ?? 0)));
  return labels.join(".");
}

function skipName(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = bytes[at] ?? 0;
    if (length >= 0xc0) return at + 2;
    if (length === 0) return at + 1;
    at += 1 + length;
  }
}

/** What a server makes of a query: messages to send, at once. */
export type Behaviour = (query: Buffer) => Uint8Array[];

/** A server on this host's loopback, by UDP and TCP at one port. */
export async function makeServer(
  stack: AsyncDisposableStack,
  behaviour: Behaviour,
): Promise<{ address: string; port: number; from: "host"; asked: () => number }> {
  let asked = 0;
  const counted = (query: Buffer): Uint8Array[] => {
    asked += 1;
    return behaviour(query);
  };
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      for (const reply of counted(Buffer.from(data).subarray(2))) {
        const length = Buffer.from([reply.length >> 8, reply.length & 0xff]);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  stack.defer(() => void tcp.close());
  const { port } = tcp.address() as { port: number };
  const udp = createSocket("udp4");
  udp.on("message", (query, from) => {
    for (const reply of counted(query)) udp.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  stack.defer(() => void udp.close());
  return { address: "127.0.0.1", port, from: "host", asked: () => asked };
}

/** The reply to a query with one address. */
export function replyTo(query: Buffer, address: string, { code = 0, cut = false } = {}): Buffer {
  const end = skipName(query, HEADER) + 4;
  const head = Buffer.from(query.subarray(0, end));
  head[2] = 0x81 | (cut ? 2 : 0);
  head[3] = 0x80 | code;
  head.writeUInt16BE(code === 0 && !cut ? 1 : 0, 6);
  head.writeUInt16BE(0, 10);
  if (code !== 0 || cut) return head;
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([head, record]);
}
