import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type FakeApi, fakeApi } from "./_test_api.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
beforeEach(() => api.forget());
afterAll(() => api[Symbol.asyncDispose]());

const STAT = { name: "f", size: 3, mode: 420, mtime: "2020-01-01T00:00:00Z", linkTarget: "" };

function statIn(head: string): unknown {
  const encoded = /^X-Docker-Container-Path-Stat: (.*?)\r?$/im.exec(head)?.[1] ?? "";
  return JSON.parse(Buffer.from(encoded, "base64").toString());
}

describe("a path of a container", () => {
  test("has its facts in a header, with and without the archive", async () => {
    const head = await api.ask("HEAD", "/containers/web/archive?path=/f");
    expect([head.status, statIn(head.head), head.body]).toEqual([200, STAT, ""]);
    const whole = await api.ask("GET", "/containers/web/archive?path=%2Ff%20x");
    expect([whole.status, statIn(whole.head)]).toEqual([200, STAT]);
    expect(whole.head).toContain("Content-Type: application/x-tar");
    expect(whole.body).toContain("archive");
    expect(api.engine.calls).toEqual([
      ["files.stat", "web", "/f"],
      ["files.pack", "web", "/f x"],
    ]);
  });

  test("takes an archive, with the options that were asked for", async () => {
    const target = "/containers/web/archive?path=/d&noOverwriteDirNonDir=1&copyUIDGID=true";
    expect((await api.ask("PUT", target, "tar!", "application/x-tar")).status).toBe(200);
    const options = { noOverwriteDirNonDir: true, copyUIDGID: true };
    expect(api.engine.calls.at(-1)?.slice(0, 3)).toEqual(["files.unpack", "web", "/d"]);
    expect(api.engine.calls.at(-1)?.at(-1)).toEqual(options);
  });

  test("must be named", async () => {
    for (const method of ["GET", "PUT"]) {
      const { status, body } = await api.ask(method, "/containers/web/archive");
      expect([status, body]).toEqual([400, '{"message":"bad parameter: path cannot be empty"}\n']);
    }
    expect((await api.ask("GET", "/containers/web/archive?path=a%00b")).status).toBe(400);
    expect(api.engine.calls).toEqual([]);
  });

  test("that is missing, or read-only, is answered with its status", async () => {
    expect((await api.ask("GET", "/containers/throw-not-found/archive?path=/x")).status).toBe(404);
    expect((await api.ask("PUT", "/containers/throw-forbidden/archive?path=/x", "x", "a/b")).status).toBe(
      403,
    );
  });
});

describe("changes, export, commit and prune", () => {
  test("no change is null, as in Docker", async () => {
    expect((await api.ask("GET", "/containers/unchanged/changes")).body).toBe("null\n");
    expect((await api.ask("GET", "/containers/web/changes")).body).toBe('[{"Path":"/f","Kind":1}]\n');
  });

  test("an export is a stream of bytes", async () => {
    const { head, body } = await api.ask("GET", "/containers/web/export");
    expect(head).toContain("Content-Type: application/octet-stream");
    expect(body).toContain("archive");
  });

  test("a commit is read from the query and the body, and pauses unless told not to", async () => {
    const query = "container=web&repo=a&tag=b&author=me&comment=why&changes=ENV%20A%3Db&changes=CMD%20x";
    const made = await api.ask("POST", `/commit?${query}`, { Env: ["A=1"] });
    expect([made.status, made.body]).toEqual([201, '{"Id":"sha256:1"}\n']);
    const options = {
      reference: "a:b",
      author: "me",
      comment: "why",
      pause: true,
      changes: ["ENV A=b", "CMD x"],
    };
    expect(api.engine.calls.at(-1)).toEqual([
      "commits.commit",
      "web",
      { ...options, config: { Env: ["A=1"] } },
    ]);
    await api.ask("POST", "/commit?container=web&pause=0");
    expect(api.engine.calls.at(-1)?.at(-1)).toMatchObject({ pause: false, config: {} });
  });

  test("a prune hands its filters on", async () => {
    const filters = encodeURIComponent(JSON.stringify({ "label!": { keep: true } }));
    const { body } = await api.ask("POST", `/containers/prune?filters=${filters}`);
    expect(body).toBe('{"ContainersDeleted":null,"SpaceReclaimed":0}\n');
    expect(api.engine.calls).toEqual([["prune.pruneContainers", { "label!": ["keep"] }]]);
  });
});
