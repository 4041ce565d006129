import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type FakeApi, fakeApi, messageIn } from "./_test_api.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
beforeEach(() => api.forget());
afterAll(() => api[Symbol.asyncDispose]());

describe("pause and unpause", () => {
  test.each(["pause", "unpause"])("%s asks the engine and answers 204", async (verb) => {
    expect((await api.ask("POST", `/v1.51/containers/c1/${verb}`)).status).toBe(204);
    expect(api.engine.calls).toEqual([[`resources.${verb}`, "c1"]]);
  });

  test("a state that does not allow it is a conflict", async () => {
    const answer = await api.ask("POST", "/containers/throw-conflict/pause");
    expect([answer.status, messageIn(answer)]).toEqual([409, "thrown: conflict"]);
  });
});

describe("an update", () => {
  test("takes limits and the restart policy, and drops what cannot be changed", async () => {
    const body = {
      Memory: 5,
      PidsLimit: null,
      CpusetCpus: "0",
      RestartPolicy: { Name: "always" },
      BlkioDeviceReadBps: [],
    };
    const answer = await api.ask("POST", "/containers/c1/update", body);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { Warnings: [] }]);
    const asked = { Memory: 5, CpusetCpus: "0", RestartPolicy: { Name: "always" } };
    expect(api.engine.calls).toEqual([["resources.update", "c1", asked]]);
  });

  test("with a wrong type, or without a body, never reaches the engine", async () => {
    const wrong = await api.ask("POST", "/containers/c1/update", { Memory: "lots" });
    expect([wrong.status, messageIn(wrong)]).toEqual([
      ...[400, "invalid value for Memory: expected a number, got a string"],
    ]);
    expect((await api.ask("POST", "/containers/c1/update")).status).toBe(400);
    expect(api.engine.calls).toEqual([]);
  });
});

describe("statistics", () => {
  test.each([
    ["", { stream: true, oneShot: false }],
    ["?stream=1", { stream: true, oneShot: false }],
    ["?stream=0", { stream: false, oneShot: false }],
    ["?stream=false&one-shot=true", { stream: false, oneShot: true }],
  ])("with %p are %j", async (query, how) => {
    const answer = await api.ask("GET", `/containers/c1/stats${query}`);
    expect([answer.status, answer.head]).toEqual([200, expect.stringContaining("application/json")]);
    expect(answer.body).toContain('{"id":"c1"}\n');
    expect(api.engine.calls).toEqual([["resources.stats", "c1", how]]);
  });

  test("cannot be a stream and a single shot", async () => {
    const answer = await api.ask("GET", "/containers/c1/stats?one-shot=1");
    expect([answer.status, messageIn(answer)]).toEqual([400, "cannot have stream=true and one-shot=true"]);
  });

  test("know no single shot before 1.41", async () => {
    await api.ask("GET", "/v1.40/containers/c1/stats?one-shot=1");
    expect(api.engine.calls).toEqual([["resources.stats", "c1", { stream: true, oneShot: false }]]);
  });

  test("of nobody are an error before the stream begins", async () => {
    expect((await api.ask("GET", "/containers/throw-not-found/stats")).status).toBe(404);
  });
});
