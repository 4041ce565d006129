import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { type FakeApi, fakeApi } from "./_test_api.ts";
import { serve } from "./mod.ts";
import { openClient } from "./test_support.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
beforeEach(() => api.forget());
afterAll(() => api[Symbol.asyncDispose]());

describe("listening", () => {
  const start = (listener: Parameters<typeof serve>[0]["listeners"][number]) =>
    serve({ backends: api.engine.backends, listeners: [listener], report: () => undefined });

  test("the socket is its group's and nobody else's, and is removed at the end", async () => {
    const own = `${api.directory}/mode.sock`;
    const server = await start({ kind: "unix", path: own, group: "daemon" });
    const { mode, gid } = await stat(own);
    expect([mode & 0o777, gid]).toEqual([0o660, 1]);
    await server.close();
    expect(await Bun.file(own).exists()).toBe(false);
  });

  test("a socket that answers is left alone", async () => {
    await expect(start({ kind: "unix", path: api.path })).rejects.toThrow(
      `a daemon already listens on ${api.path}`,
    );
    expect((await api.ask("GET", "/_ping")).status).toBe(200);
  });

  test("a socket that nobody answers on is replaced", async () => {
    const stale = `${api.directory}/stale.sock`;
    const script = `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, "SIGKILL"))`;
    await Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "ignore", "ignore"] }).exited;
    expect((await stat(stale)).isSocket()).toBe(true);
    await (await start({ kind: "unix", path: stale })).close();
  });

  test("a file that is not a socket is left alone", async () => {
    await writeFile(`${api.directory}/file`, "kept");
    await expect(start({ kind: "unix", path: `${api.directory}/file` })).rejects.toThrow("not a socket");
    await mkdir(`${api.directory}/dir`);
    await expect(start({ kind: "unix", path: `${api.directory}/dir` })).rejects.toThrow("not a socket");
  });

  test("TCP serves on a loopback address, and on another only when that is allowed by name", async () => {
    const server = await start({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const [address = ""] = server.addresses;
    expect(await (await fetch(`${address.replace("tcp", "http")}/_ping`)).text()).toBe("OK");
    await server.close();
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "127.0.0.1.example.org"]) {
      await expect(start({ kind: "tcp", host, port: 0 })).rejects.toThrow("without TLS");
    }
    await (await start({ kind: "tcp", host: "0.0.0.0", port: 0, insecure: true })).close();
  });

  test("when one listener fails the others stop", async () => {
    const first = `${api.directory}/first.sock`;
    const listeners = [{ kind: "unix", path: first } as const, { kind: "unix", path: api.path } as const];
    await expect(
      serve({ backends: api.engine.backends, listeners, report: () => undefined }),
    ).rejects.toThrow("already");
    expect(await Bun.file(first).exists()).toBe(false);
  });

  test("a taken port is told", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    await expect(start({ kind: "tcp", host: "127.0.0.1", port })).rejects.toThrow(
      "cannot listen on tcp://127.0.0.1",
    );
    other.close();
  });

  test("closing lets an answer under way finish and ends streams and idle connections", async () => {
    const own = `${api.directory}/close.sock`;
    const server = await start({ kind: "unix", path: own });
    using idle = await openClient(own);
    using events = await openClient(own);
    using attached = await openClient(own);
    using busy = await openClient(own);
    events.socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    await events.until("start");
    attached.socket.write(attachForever);
    await attached.until("UPGRADED");
    busy.socket.write("POST /containers/slow/start HTTP/1.1\r\nHost: x\r\n\r\n");
    await Bun.sleep(20);
    const closed = server.close(2000);
    await Promise.all([idle.end, events.end, attached.end]);
    expect(busy.received()).toBe("");
    api.engine.release();
    await closed;
    await busy.end;
    expect(busy.received()).toStartWith("HTTP/1.1 204 ");
  });
});

const attachForever =
  "POST /containers/c/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
