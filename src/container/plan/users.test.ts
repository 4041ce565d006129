import { describe, expect, test } from "bun:test";
import { messageOf } from "../../std/errors.ts";
import { GROUP, PASSWD } from "../_fixtures.ts";
import { resolveUser } from "./users.ts";

const FILES = { passwd: PASSWD, group: GROUP };

describe("a user", () => {
  test.each([
    ["", { uid: 0, gid: 0, additionalGids: [0, 10], home: "/root" }],
    ["root", { uid: 0, gid: 0, additionalGids: [0, 10], home: "/root" }],
    ["alice", { uid: 1000, gid: 1000, additionalGids: [1000, 10, 29], home: "/home/alice" }],
    ["1000", { uid: 1000, gid: 1000, additionalGids: [1000, 10, 29], home: "/home/alice" }],
    ["1000:10", { uid: 1000, gid: 10, additionalGids: [10], home: "/home/alice" }],
    ["alice:audio", { uid: 1000, gid: 29, additionalGids: [29], home: "/home/alice" }],
    ["7", { uid: 7, gid: 0, additionalGids: [0], home: "/" }],
    ["7:8", { uid: 7, gid: 8, additionalGids: [8], home: "/" }],
    [":audio", { uid: 0, gid: 29, additionalGids: [29], home: "/root" }],
  ])("written %j is found", (user, expected) => expect(resolveUser(user, FILES)).toEqual(expected));

  test.each([
    ["x", "unable to find user x: no matching entries in passwd file"],
    [":zz", "unable to find group zz: no matching entries in group file"],
    ["2147483648", "uids and gids must be in range 0-2147483647"],
    ["-1", "uids and gids must be in range 0-2147483647"],
  ])("written %j is refused in Docker's words", (user, sentence) => {
    const resolve = () => resolveUser(user, FILES);
    expect(resolve).toThrow(sentence);
  });

  test("has the groups added by name or number, each once", () => {
    expect(resolveUser("", FILES, ["audio", "29", "99"]).additionalGids).toEqual([0, 10, 29, 99]);
    expect(() => resolveUser("", FILES, ["zz"])).toThrow("Unable to find group zz");
  });

  test("is found beside lines that are not of the format", () => {
    const passwd =
      "\n:::\nno line\nx:x:-1:1::/:\nroot:x:y:0::/:\n# root:x:5:5::/:/\n+:::::\nroot:x:0:0:::/bin/sh";
    expect(resolveUser("root", { passwd, group: "::\na:b\n" })).toMatchObject({ uid: 0, home: "/" });
  });

  test("root needs no files", () => {
    expect(resolveUser("", { passwd: "", group: "" })).toMatchObject({ uid: 0, gid: 0, home: "/" });
    let message = "";
    try {
      resolveUser("root", { passwd: "", group: "" });
    } catch (error) {
      message = messageOf(error);
    }
    expect(message).toBe("unable to find user root: no matching entries in passwd file");
  });
});
