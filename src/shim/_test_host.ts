/** What tests of shims share whose programs run on the host: a pool of their own for each test, and the shims taken from it. */

import { afterEach, beforeEach, expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { launchIn, loggedIn, OUTPUTS, TEST_SHIM, untilGone } from "./_fixtures.ts";
import { type ShimPool, shims } from "./client.ts";
import type { AttachRequest, Shim } from "./handle.ts";
import type { ExecLaunch, Launch } from "./protocol.ts";

/** The shims of the test that runs. */
interface ShimHost {
  readonly directory: string;
  readonly pool: ShimPool;
  /** A shim that is ended after the test. */
  take(): Promise<Shim>;
  /** Ends one after the test that came in another way. */
  watch(shim: Shim): void;
  launchOf(script: string, more?: Partial<Launch> & { terminal?: boolean }): Launch;
  /** What is in the log. */
  logged(): string;
}

/** Registers what is made before each test and gone after it. */
export function hostShims(): ShimHost {
  let directory = "";
  let pool: ShimPool | undefined;
  const taken: Shim[] = [];
  const present = (): ShimPool => {
    if (pool === undefined) throw new Error("there are shims only while a test runs");
    return pool;
  };
  beforeEach(async () => {
    directory = mkdtempSync("/tmp/fathom-test-shim-");
    pool = await shims({ runDirectory: join(directory, "run"), command: TEST_SHIM });
  });
  afterEach(async () => {
    const used = taken.splice(0);
    for (const shim of used) {
      await shim.signal(9, {}).catch(() => undefined);
      shim.close();
    }
    await present().close();
    for (const { pid } of used) expect(await untilGone(pid)).toBeTrue();
    rmSync(directory, { recursive: true });
  });
  return {
    get directory() {
      return directory;
    },
    get pool() {
      return present();
    },
    take: async () => {
      const shim = await present().take();
      taken.push(shim);
      return shim;
    },
    watch: (shim) => void taken.push(shim),
    launchOf: (script, more = {}) => launchIn(directory, script, more),
    logged: () => loggedIn(join(directory, "x.log")),
  };
}

/** An exec of a shell command. */
export function execOf(
  id: string,
  script: string,
  more: { terminal?: boolean; openStdin?: boolean; attachments?: number } = {},
): ExecLaunch {
  const process = {
    terminal: more.terminal ?? false,
    user: { uid: 0, gid: 0 },
    args: ["/bin/sh", "-c", script],
    env: ["PATH=/bin:/usr/bin"],
    cwd: "/",
  };
  return { id, process, openStdin: more.openStdin ?? false, attachments: more.attachments ?? 0 };
}

/** Attaches to all three streams. */
export const EVERYTHING: AttachRequest = { ...OUTPUTS, stdin: true };

/** What came until now over a stream that goes on. */
export function collect(stream: Duplex): { text: () => string; until: (part: string) => Promise<void> } {
  let text = "";
  stream.on("data", (bytes) => {
    text += bytes;
  });
  return {
    text: () => text,
    until: async (part) => {
      for (let wait = 0; !text.includes(part); wait += 1) {
        if (wait > 500) throw new Error(`"${part}" did not come; there is ${JSON.stringify(text)}`);
        await Bun.sleep(10);
      }
    },
  };
}
