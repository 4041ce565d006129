import { expect, test } from "bun:test";
import { checkContainerValue, containerDefaults } from "./container_flags.ts";

const none = { init: false, defaultShmSize: undefined, defaultUlimits: undefined };

test("what is told becomes what containers get, from either place", () => {
  expect(containerDefaults(none)).toEqual({ init: false, ulimits: [] });
  const nofile = { Name: "nofile", Soft: 10, Hard: 20 };
  expect(containerDefaults({ init: true, defaultShmSize: "1m", defaultUlimits: ["nofile=10:20"] })).toEqual({
    init: true,
    shmSize: 1024 * 1024,
    ulimits: [nofile],
  });
  expect(containerDefaults({ ...none, defaultUlimits: { nofile } }).ulimits).toEqual([nofile]);
});

test("what is wrong is named", () => {
  expect(() => containerDefaults({ ...none, defaultUlimits: ["files=1"] })).toThrow(
    "default-ulimits: invalid ulimit type: files",
  );
  expect(() => containerDefaults({ ...none, defaultShmSize: "0" })).toThrow("default-shm-size must be more");
  expect(() => checkContainerValue("init", "yes", "daemon.json: init")).toThrow("must be a boolean");
  expect(checkContainerValue("hosts", [], "hosts")).toBe(false);
});
