/** Files of containers in memory, for tests of what is done round them. */

import { FathomError } from "../std/errors.ts";
import type { CommitRequest, Files, FileView, ViewOptions } from "./files/needs.ts";

export interface FakeFiles extends Files {
  /** What was asked for, in order. */
  readonly opened: ViewOptions[];
  readonly commits: CommitRequest[];
  /** How many views are open. */
  viewsOpen: number;
  /** Runs while a commit reads. */
  whileReading: () => void;
}

const STAT = { name: "f", size: 1, mode: 0o644, mtime: "2020-01-01T00:00:00Z", linkTarget: "" };

/** There is one file, /f; unpacking wants /d. */
export function fakeFiles(): FakeFiles {
  const fake: FakeFiles = {
    opened: [],
    commits: [],
    viewsOpen: 0,
    whileReading: () => undefined,
    open: async (_, options) => {
      fake.opened.push(options);
      fake.viewsOpen += 1;
      return view(() => {
        fake.viewsOpen -= 1;
      });
    },
    changes: async () => [{ path: "/f", kind: "added" }],
    exported: () => bytes("whole"),
    commit: async (request) => {
      fake.commits.push(request);
      fake.whileReading();
      await request.whenRead();
      return `sha256:${"2".repeat(64)}`;
    },
    applyChanges: (config, changes) => ({ ...config, ...(changes.length > 0 && { Cmd: [...changes] }) }),
  };
  return fake;
}

function view(close: () => void): FileView {
  const find = (path: string) => {
    if (path !== "/f") throw new FathomError("not-found", `Could not find the file ${path}`);
    return STAT;
  };
  return {
    stat: find,
    pack: (path) => ({ stat: find(path), archive: bytes("tar") }),
    unpack: async ({ path }) => {
      if (path !== "/d") find(path);
    },
    readText: () => undefined,
    [Symbol.dispose]: close,
  };
}

async function* bytes(text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}
