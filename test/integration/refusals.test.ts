/** What a client can get wrong, what it is told, and that nothing is left of the attempt. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Engine, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const JSON_HEAD = "HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const create = (body: unknown, name = "") => engine.request("POST", `/v1.41/containers/create${name}`, body);
const messageOf = (answer: { json: unknown }) => (answer.json as { message: string }).message;

async function containerCount(): Promise<number> {
  return ((await engine.request("GET", "/containers/json?all=1")).json as unknown[]).length;
}

/** Sends bytes as they are; what comes back until the engine, or a second of silence, ends it. */
function raw(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(engine.socket, () => socket.write(bytes));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("data", (data) => {
      text += data.toString("latin1");
    });
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

describe("an unknown", () => {
  test("image", async () => {
    const answer = await create({ Image: "nope", Cmd: ["true"] });
    expect(answer.status).toBe(404);
    expect(messageOf(answer)).toBe("No such image: nope:latest");
    expect(await containerCount()).toBe(0);
  });

  test.each([
    ["GET", "/containers/nobody/json"],
    ["POST", "/containers/nobody/start"],
    ["POST", "/containers/nobody/stop"],
    ["POST", "/containers/nobody/kill"],
    ["POST", "/containers/nobody/wait"],
    ["POST", "/containers/nobody/attach?stream=1&stdout=1"],
    ["GET", "/containers/nobody/logs?stdout=1"],
    ["GET", "/containers/nobody/receipt"],
    ["DELETE", "/containers/nobody"],
  ])("container: %s %s", async (method, path) => {
    const answer = await engine.request(method, path);
    expect(answer.status).toBe(404);
    expect(answer.text).toContain("No such container: nobody");
  });

  test("route", async () => {
    const answer = await engine.request("GET", "/v1.41/nothing/here");
    expect(answer.status).toBe(404);
    expect(messageOf(answer)).toBe("page not found");
  });

  test("runtime", async () => {
    const answer = await create({ Image: "busybox", Cmd: ["true"], HostConfig: { Runtime: "nope" } });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(/nope/);
    expect(await containerCount()).toBe(0);
  });
});

describe("a name", () => {
  test("that fits several containers is refused", async () => {
    const ids = new Set<string>();
    for (let count = 0; count < 17; count++) {
      const { json } = await create({ Image: "busybox", Cmd: ["true"], HostConfig: { NetworkMode: "none" } });
      ids.add((json as { Id: string }).Id);
    }
    const firsts = [...ids].map((id) => id.slice(0, 1));
    const shared = firsts.find((first, index) => firsts.indexOf(first) !== index) ?? "";
    const answer = await engine.request("GET", `/containers/${shared}/json`);
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(/[Mm]ultiple IDs found with provided prefix/);
    await engine.removeContainers();
  });

  test("that is in use is refused, and free again after a removal", async () => {
    const body = { Image: "busybox", Cmd: ["true"], HostConfig: { NetworkMode: "none" } };
    expect((await create(body, "?name=one")).status).toBe(201);
    const answer = await create(body, "?name=one");
    expect(answer.status).toBe(409);
    expect(messageOf(answer)).toMatch(
      /^Conflict\. The container name "\/one" is already in use by container "[0-9a-f]{64}"/,
    );
    expect(await containerCount()).toBe(1);
    await engine.removeContainers();
    expect((await create(body, "?name=one")).status).toBe(201);
    await engine.removeContainers();
  });

  test.each(["..", "a/b", "-x", "a b", "%00", "%1b[2J"])("%s is refused", async (name) => {
    const answer = await create(
      { Image: "busybox", Cmd: ["true"] },
      `?name=${encodeURI(name).replaceAll("%25", "%")}`,
    );
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(/Invalid container name/);
  });
});

describe("a body", () => {
  test.each(["{", "nonsense", '{"Image":', "[]", '"text"', "null"])("that is %s is refused", async (body) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).not.toBe("");
  });

  test.each([
    ["Cmd", { Cmd: 7 }],
    ["Image", { Image: ["busybox"] }],
    ["Tty", { Tty: "yes" }],
    ["Env", { Env: { A: 1 } }],
    ["Memory", { HostConfig: { Memory: "lots" } }],
    ["Binds", { HostConfig: { Binds: "x" } }],
  ])("with a wrong type names the field %s", async (field, wrong) => {
    const answer = await create({ Image: "busybox", ...wrong });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain(field);
  });

  test("with fields nobody knows is accepted", async () => {
    const answer = await create({
      Image: "busybox",
      Cmd: ["true"],
      Later: { Than: "this" },
      HostConfig: { NetworkMode: "none" },
    });
    expect(answer.status).toBe(201);
    await engine.removeContainers();
  });

  test("that is far too long is refused, and not kept in memory", async () => {
    const answer = await raw(
      `POST /containers/create ${JSON_HEAD}Content-Length: 9999999999\r\n\r\n{"Image":"`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4(13|00) /);
  });

  test("that says nothing to run is refused", async () => {
    const answer = await create({ Image: "busybox" });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(/[Nn]o command specified/);
  });
});

describe("bytes that are no request", () => {
  test.each([
    ["noise", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"],
    ["a line without a version", "GET /_ping\r\n\r\n"],
    ["two lengths", `POST /containers/create ${JSON_HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    [
      "a length and chunks",
      `POST /containers/create ${JSON_HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["a length that is no number", `POST /containers/create ${JSON_HEAD}Content-Length: two\r\n\r\n{}`],
    [
      "a chunk size that is no number",
      `POST /containers/create ${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`,
    ],
    ["a head without end", `GET /_ping HTTP/1.1\r\n${"X-Long: y\r\n".repeat(100_000)}`],
  ])("%s gets 4xx and the connection's end", async (_, bytes) => {
    expect(await raw(bytes)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test("do not keep others from being served", async () => {
    await Promise.all(Array.from({ length: 50 }, () => raw("\x00".repeat(1000))));
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  });
});

describe("a failed start", () => {
  test.each([
    ["no such program", ["no-such-program"], 127],
    ["a file that is not executable", ["/bad/plain"], 126],
    ["another processor's program", ["/bad/architecture"], 126],
    ["a missing interpreter", ["/bad/interpreter"], 127],
  ])("by %s leaves a container that says why, without mount, cgroup or process", async (_, cmd, code) => {
    const created = await create({ Image: "busybox", Cmd: cmd, HostConfig: { NetworkMode: "none" } });
    const { Id: id } = created.json as { Id: string };
    const answer = await engine.request("POST", `/containers/${id}/start`);
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain(cmd.join(" "));
    const inspected = (await engine.request("GET", `/containers/${id}/json`)).json as {
      State: { Status: string; ExitCode: number; Error: string; Pid: number };
    };
    expect(inspected.State).toMatchObject({ Status: "created", ExitCode: code, Pid: 0 });
    expect(inspected.State.Error).toContain(cmd.join(" "));
    expect(await Bun.file("/proc/self/mountinfo").text()).not.toContain(`containers/${id}/rootfs`);
    await engine.removeContainers();
  });

  test("by a mount over what is not there names it", async () => {
    const created = await create({
      Image: "busybox",
      Cmd: ["true"],
      HostConfig: { NetworkMode: "none", Mounts: [{ Type: "bind", Source: "/no/such/place", Target: "/x" }] },
    });
    expect(created.status).toBe(400);
    expect(messageOf(created)).toMatch(/bind source path does not exist: \/no\/such\/place/);
  });
});
