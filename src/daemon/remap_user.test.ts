import { expect, test } from "bun:test";
import { type AccountFiles, commandsFor } from "./remap_user.ts";

const NONE: AccountFiles = { passwd: "root:x:0:0::/root:/bin/sh\n", group: "", subuid: "", subgid: "" };
const lines = (files: Partial<AccountFiles>) =>
  commandsFor({ ...NONE, ...files }).map((words) => words.join(" "));
const MAKE_USER = "useradd --system --no-create-home --shell /bin/false --user-group dockremap";

test("where nothing is, the user, its group and its IDs are made", () => {
  expect(lines({})).toEqual([
    MAKE_USER,
    "usermod --add-subuids 100000-165535 dockremap",
    "usermod --add-subgids 100000-165535 dockremap",
  ]);
});

test("a group of that name becomes the user's own", () => {
  expect(lines({ group: "dockremap:x:77:\n" })[0]).toBe(
    "useradd --system --no-create-home --shell /bin/false --gid dockremap dockremap",
  );
});

test("where all is there, nothing is made; of a half, the other", () => {
  const passwd = "dockremap:x:99:99::/:/bin/false\n";
  const all = { passwd, subuid: "dockremap:231072:65536", subgid: "dockremap:231072:65536" };
  expect(lines(all)).toEqual([]);
  expect(lines({ ...all, subgid: "" })).toEqual(["usermod --add-subgids 100000-165535 dockremap"]);
});

test.each([
  ["ann:100000:65536", "", 165_536],
  ["", "ann:100000:65536", 165_536],
  ["ann:200000:65536\nbob:100000:65536", "", 265_536],
  ["ann:300000:65536\nbob:100000:65536", "", 165_536],
  ["ann:1000:65536\n# comment\nbroken:x:y", "", 100_000],
  ["ann:90000:10001", "bob:150000:100", 150_100],
])("IDs of others are left alone: %j and %j leave those from %d on", (subuid, subgid, first) => {
  expect(lines({ subuid, subgid })[1]).toBe(`usermod --add-subuids ${first}-${first + 65_535} dockremap`);
});

test("where there is no room for them, that is said", () => {
  expect(() => lines({ subuid: "ann:100000:4294867000" })).toThrow("leave no 65536 IDs in a row");
});
