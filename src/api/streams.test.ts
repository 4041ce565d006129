import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type FakeApi, fakeApi, messageIn } from "./_test_api.ts";
import { frame } from "./test_backends.ts";
import { exchange, openClient } from "./test_support.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
beforeEach(() => api.forget());
afterAll(() => api[Symbol.asyncDispose]());

describe("streams", () => {
  const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  const attach = (target: string, more = "") => `POST ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  const raw = "Content-Type: application/vnd.docker.raw-stream\r\n";
  const multiplexed = "Content-Type: application/vnd.docker.multiplexed-stream\r\n";
  const switching = "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

  test("attach without an upgrade is answered as in 2013", async () => {
    const answer = await exchange(
      api.path,
      `${attach("/v1.6/containers/c/attach?stream=1&stdin=1&stdout=1")}hi`,
    );
    expect(answer).toBe(`HTTP/1.1 200 OK\r\n${raw}\r\n${frame(1, "got hi").toString("latin1")}`);
    expect(api.engine.calls[0]?.slice(0, 2)).toEqual(["containers.attach", "c"]);
  });

  test("attach with an upgrade names the framing where the client knows it", async () => {
    const told = await exchange(api.path, attach("/v1.42/containers/c/attach?stream=1", upgrade));
    expect(told).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${multiplexed}${switching}`);
    const old = await exchange(api.path, attach("/v1.41/containers/c/attach?stream=1", upgrade));
    expect(old).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}`);
    const tty = await exchange(api.path, attach("/v1.51/containers/tty/attach?stream=1", upgrade));
    expect(tty).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}`);
  });

  test("an attach that fails is answered as JSON, upgrade or not", async () => {
    const answer = await exchange(api.path, attach("/containers/throw-not-found/attach", upgrade));
    expect(answer).toStartWith("HTTP/1.1 404 Not Found\r\n");
    expect(answer).toEndWith('{"message":"thrown: not-found"}\n');
  });

  test("the head of an attach comes only once the attachment is in place", async () => {
    using client = await openClient(api.path);
    client.socket.write(attach("/containers/slow/attach?stream=1", upgrade));
    await Bun.sleep(30);
    expect(client.received()).toBe("");
    api.engine.release();
    await client.until("UPGRADED");
  });

  test("exec start attaches, or answers at once when detached", async () => {
    const body = '{"Detach":false,"Tty":true,"ConsoleSize":[3,4]}';
    const fields = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}`;
    const answer = await exchange(api.path, `${attach("/v1.51/exec/e/start", fields)}${body}in`);
    expect(answer).toBe(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}got in`);
    expect((await api.ask("POST", "/exec/e/start", { Detach: true })).status).toBe(200);
    expect(api.engine.calls).toEqual([
      ["exec.start", "e", { tty: true, consoleSize: [3, 4] }],
      ["exec.startDetached", "e"],
    ]);
  });

  test("wait sends its head at once and the exit when it comes, and before 1.30 both together", async () => {
    using client = await openClient(api.path);
    client.socket.write(attach("/v1.51/containers/slow/wait?condition=next-exit"));
    await client.until("Content-Type: application/json\r\n");
    await client.until("\r\n\r\n");
    expect(client.received()).toEndWith("\r\n\r\n");
    using old = await openClient(api.path);
    old.socket.write(attach("/v1.29/containers/slow/wait"));
    await Bun.sleep(20);
    expect(old.received()).toBe("");
    api.engine.release();
    await client.until('{"StatusCode":7}\n\r\n0\r\n\r\n');
    await old.until('{"StatusCode":7}\n');
  });

  test("events come a line each, and the backend is told when the client leaves", async () => {
    using client = await openClient(api.path);
    client.socket.write("GET /events?since=5 HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until('"Action":"start"');
    client.socket.destroy();
    for (let n = 0; n < 100 && !api.engine.left; n++) await Bun.sleep(5);
    expect(api.engine.left).toBe(true);
  });

  test("a client that leaves while it waits is told to the backend, and is nobody's fault", async () => {
    using client = await openClient(api.path);
    client.socket.write(attach("/v1.51/containers/lasting/wait"));
    await client.until("\r\n\r\n");
    client.socket.destroy();
    for (let n = 0; n < 100 && !api.engine.left; n++) await Bun.sleep(5);
    await Bun.sleep(5);
    expect([api.engine.left, api.reported]).toEqual([true, []]);
  });

  test("logs name their framing by the client's version", async () => {
    expect((await api.ask("GET", "/v1.51/containers/c/logs?stdout=1")).head).toContain("multiplexed-stream");
    expect((await api.ask("GET", "/v1.41/containers/c/logs?stdout=1")).head).toContain("raw-stream");
    expect((await api.ask("GET", "/containers/tty/logs?stderr=1&tail=3")).head).toContain("raw-stream");
    expect(api.engine.calls.at(-1)?.[2]).toMatchObject({ stdout: false, stderr: true, tail: 3, since: 0n });
  });

  test("an import reads the body to its end and tells the ID", async () => {
    const answer = await api.ask(
      "POST",
      "/images/create?fromSrc=-&repo=a&tag=b&changes=CMD+x&changes=ENV+y=z",
      "tarbytes",
    );
    expect(answer.body).toContain('{"status":"sha256:8"}');
    expect(api.engine.calls).toEqual([
      ["images.import", { reference: "a:b", changes: ["CMD x", "ENV y=z"], message: "Imported from -" }],
    ]);
  });

  test("a pull answers with a line a message, a failure in its midst being the last", async () => {
    const answer = await api.ask("POST", "/images/create?fromImage=breaks&tag=latest");
    expect(answer.status).toBe(200);
    const lines = answer.body.split("\r\n").filter((line) => line.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { status: "Pulling from fake", id: "latest" },
      { errorDetail: { message: "it broke" }, error: "it broke" },
    ]);
  });

  test("a pull that fails before it begins is answered with a status", async () => {
    const answer = await api.ask("POST", "/images/create?fromImage=throw-unauthorized");
    expect(answer.status).toBe(401);
    expect(messageIn(answer)).toBe("thrown: unauthorized");
  });

  test("a receipt is JSON, or text as it happens", async () => {
    expect(JSON.parse((await api.ask("GET", "/containers/c/receipt")).body)).toEqual({
      Id: "c",
      Name: "/c",
      Steps: [],
    });
    const text = await api.ask("GET", "/containers/c/receipt?format=text&follow=1");
    expect(text.body).toContain("mounted /proc");
  });
});
