import { describe, expect, test } from "bun:test";
import { idMapsOf } from "./userns_remap.ts";

const FILES = {
  passwd: "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\ndockremap:x:99:99::/:/bin/false\n",
  group: "root:x:0:\nstaff:x:50:ann\nann:x:1000:\ndockremap:x:99:\n",
  subuid: "ann:300000:1000\nann:100000:65536\n# comment\nbroken:x:y\ndockremap:231072:65536\n",
  subgid: "ann:100000:65536\nstaff:400000:65536\n1000:500000:10\ndockremap:231072:65536\n",
};

describe("--userns-remap", () => {
  test("takes a user's ranges in their order, one behind the other", () => {
    expect(idMapsOf("ann", FILES).uids).toEqual([
      { containerID: 0, hostID: 100_000, size: 65_536 },
      { containerID: 65_536, hostID: 300_000, size: 1000 },
    ]);
  });
  test("finds a user by number, and ranges by either", () => {
    expect(idMapsOf("1000", FILES).gids).toEqual([
      { containerID: 0, hostID: 100_000, size: 65_536 },
      { containerID: 65_536, hostID: 500_000, size: 10 },
    ]);
  });
  test("takes another group's ranges where one is named", () => {
    expect(idMapsOf("ann:staff", FILES).gids).toEqual([{ containerID: 0, hostID: 400_000, size: 65_536 }]);
  });
  test("means dockremap by default", () => {
    expect(idMapsOf("default", FILES)).toEqual({
      uids: [{ containerID: 0, hostID: 231_072, size: 65_536 }],
      gids: [{ containerID: 0, hostID: 231_072, size: 65_536 }],
    });
  });
  test("says what is missing", () => {
    const said = (remap: string): string => {
      try {
        return JSON.stringify(idMapsOf(remap, FILES));
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
    };
    expect(said("nobody")).toContain("there is no user nobody on this host");
    expect(said("ann:none")).toContain("there is no group none on this host");
    expect(said("root")).toContain("/etc/subuid gives no IDs to root");
    expect(said("a:b:c")).toContain("give NAME[:GROUP] or UID[:GID]");
  });
});
