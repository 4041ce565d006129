/** For tests of the API: it serves a fake engine on a socket of its own. */

import { type ApiServer, serve } from "./mod.ts";
import { type FakeEngine, fakeBackends } from "./test_backends.ts";
import { exchange, temporaryDirectory } from "./test_support.ts";

export interface FakeApi extends AsyncDisposable {
  /** Of the test's own. */
  directory: string;
  /** The API's socket. */
  path: string;
  engine: FakeEngine;
  reported: unknown[];
  /** One request and its answer taken apart. */
  ask(method: string, target: string, body?: unknown, type?: string): Promise<Answer>;
  /** Forgets what was called and reported. */
  forget(): void;
}

interface Answer {
  status: number;
  head: string;
  body: string;
}

export async function fakeApi(): Promise<FakeApi> {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await temporaryDirectory());
  const path = `${directory}/api.sock`;
  const engine = fakeBackends();
  const reported: unknown[] = [];
  const report = (error: unknown) => reported.push(error);
  const api: ApiServer = await serve({
    backends: engine.backends,
    listeners: [{ kind: "unix", path }],
    report,
  });
  stack.defer(() => api.close(100));
  const held = stack.move();
  return {
    directory,
    path,
    engine,
    reported,
    ask: (method, target, body, type = "application/json") => ask(path, `${method} ${target}`, body, type),
    forget() {
      engine.calls.length = 0;
      engine.left = false;
      reported.length = 0;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function ask(path: string, line: string, body: unknown, type: string): Promise<Answer> {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const typed = body === undefined ? "" : `Content-Type: ${type}\r\n`;
  const head = `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${typed}`;
  const answer = await exchange(path, `${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  const [top = "", ...rest] = answer.split("\r\n\r\n");
  return { status: Number(top.split(" ", 2)[1]), head: top, body: rest.join("\r\n\r\n") };
}

export const messageIn = (answer: { body: string }) =>
  (JSON.parse(answer.body) as { message: string }).message;
