/**
 * The client of 2013: the requests that Docker 0.5.3 sent for `docker run ubuntu /bin/echo hello world`, as strace recorded them,
 * byte for byte. It speaks API 1.4, sends a body with start, and attaches without asking for an upgrade.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { busyboxArchive, type Engine, startFathom } from "../harness/mod.ts";

const CREATE =
  'POST /v1.4/containers/create HTTP/1.1\r\nHost: \r\nUser-Agent: Docker-Client/0.5.3\r\nContent-Length: 335\r\nContent-Type: application/json\r\n\r\n{"Hostname":"","User":"","Memory":0,"MemorySwap":0,"CpuShares":0,"AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"PortSpecs":null,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":["/bin/echo","hello","world"],"Dns":null,"Image":"ubuntu","Volumes":{},"VolumesFrom":"","Entrypoint":[],"NetworkDisabled":false}';
const START =
  'POST /v1.4/containers/6b4b8793687d/start HTTP/1.1\r\nHost: \r\nUser-Agent: Docker-Client/0.5.3\r\nContent-Length: 35\r\nContent-Type: application/json\r\n\r\n{"Binds":null,"ContainerIDFile":""}';
const ATTACH =
  "POST /v1.4/containers/6b4b8793687d/attach?logs=1&stderr=1&stdout=1&stream=1 HTTP/1.1\r\nHost: \r\nUser-Agent: Docker-Client/0.5.3\r\nContent-Length: 0\r\nContent-Type: plain/text\r\n\r\n";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({ bare: true });
  await engine.output("docker", ["import", "-", "ubuntu"], { input: await busyboxArchive() });
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Sends bytes on a connection of its own and gives what came back until the other side, or `enough`, ended it. */
function exchange(bytes: string, enough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(engine.socket, () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no end after: ${text}`)));
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (enough(text)) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

test("gets `hello world` by the answers it expects", async () => {
  const created = await exchange(CREATE, (text) => text.endsWith("}") || text.endsWith("}\n"));
  expect(created).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
  const id = /\{"Id":"([0-9a-f]+)"/.exec(created)?.[1] ?? "";
  expect(id).toMatch(/^[0-9a-f]{64}$/);

  const started = await exchange(START.replace("6b4b8793687d", id.slice(0, 12)), (text) =>
    text.endsWith("\r\n\r\n"),
  );
  expect(started).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);

  const attached = await exchange(ATTACH.replace("6b4b8793687d", id.slice(0, 12)));
  const [head = "", output = ""] = attached.split("\r\n\r\n", 2);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(head).toContain("Content-Type: application/vnd.docker.raw-stream");
  // API 1.6 brought frames; this client shows what it gets.
  expect(output).toBe("hello world\n");
});
