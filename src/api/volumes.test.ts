import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeApi, fakeApi, messageIn } from "./_test_api.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const lastCall = () => api.engine.calls.at(-1);

test("create gives the volume with 201, and passes on what was asked for alone", async () => {
  const body = { Name: "db", Labels: { a: "b" }, Unknown: 1, ClusterVolumeSpec: {} };
  expect((await api.ask("POST", "/volumes/create", body)).status).toBe(201);
  expect(lastCall()).toEqual(["volumes.create", { Name: "db", Labels: { a: "b" } }]);
  const wrong = await api.ask("POST", "/volumes/create", { Name: 5 });
  expect([wrong.status, messageIn(wrong)]).toEqual([
    400,
    "invalid value for Name: expected a string, got a number",
  ]);
});

test("list and inspect answer, with filters in both of Docker's notations", async () => {
  const filters = encodeURIComponent('{"dangling":{"true":true}}');
  expect((await api.ask("GET", `/volumes?filters=${filters}`)).status).toBe(200);
  expect(lastCall()).toEqual(["volumes.list", { dangling: ["true"] }]);
  expect((await api.ask("GET", "/volumes/throw-not-found")).status).toBe(404);
});

test("remove of what is in use is a conflict; by force what is absent is no error", async () => {
  expect((await api.ask("DELETE", "/volumes/db")).status).toBe(204);
  expect((await api.ask("DELETE", "/volumes/throw-conflict?force=1")).status).toBe(409);
  expect((await api.ask("DELETE", "/volumes/throw-not-found")).status).toBe(404);
  expect((await api.ask("DELETE", "/volumes/throw-not-found?force=1")).status).toBe(204);
});

test("prune takes named volumes too for clients older than 1.42", async () => {
  await api.ask("POST", "/v1.42/volumes/prune");
  expect(lastCall()).toEqual(["volumes.prune", {}, { all: false }]);
  await api.ask("POST", "/v1.41/volumes/prune");
  expect(lastCall()).toEqual(["volumes.prune", {}, { all: true }]);
});
