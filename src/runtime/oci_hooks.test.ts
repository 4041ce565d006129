/** Hooks of a bundle: when they run, where, and what becomes of the container when one fails; beside runc, where that is there. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { hasBusybox, type TestBundles, testBundles } from "./_test_bundle.ts";
import { type Change, NAMES, runScript } from "./_test_oci.ts";

let bundles: TestBundles;
beforeAll(() => {
  bundles = testBundles();
});
afterAll(() => bundles[Symbol.dispose]());

const run = (runtime: string, script: string, change?: Change) =>
  runScript(bundles, runtime, { script, change });
let names = 0;

describe.skipIf(!hasBusybox)("hooks", () => {
  const hook = (name: string, body: string): string => {
    const path = join(bundles.directory, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test.each(NAMES)(
    "poststart and poststop get the state, their arguments and environment (%s)",
    async (runtime) => {
      const log = join(bundles.directory, `log-${names++}`);
      const path = hook(`note-${names++}`, `echo "$1 $WORD $(cat)" >>${log}`);
      await run(runtime, "sleep 0.2", (config) => {
        const one = (name: string) => [
          { path, args: ["note", name], env: ["WORD=said", "PATH=/bin:/usr/bin"] },
        ];
        config.hooks = { poststart: one("start"), poststop: one("stop") };
      });
      const [started, stopped] = readFileSync(log, "utf8").trim().split("\n");
      expect(started).toMatch(/^start said \{.*"id":"oci-.*"status":"(running|created)"/);
      expect(stopped).toMatch(/^stop said \{.*"id":"oci-.*"status":"stopped"/);
    },
  );

  test("a poststart or poststop hook that fails or takes too long is warned of, and all goes on", async () => {
    const failing = hook("failing", "exit 3");
    const slow = hook("slow", "exec sleep 60");
    const log = join(bundles.directory, `log-${names++}`);
    const last = hook("last", `echo on >>${log}`);
    const warnings: string[] = [];
    const warned = ({ message }: Error) => void warnings.push(message);
    process.on("warning", warned);
    try {
      const output = await run("native", "echo ran", (config) => {
        const late = { path: slow, env: ["PATH=/bin"], timeout: 1 };
        config.hooks = {
          poststart: [{ path: failing }, late, { path: last }],
          poststop: [{ path: failing }],
        };
      });
      await Bun.sleep(1);
      expect([output, readFileSync(log, "utf8")]).toEqual(["ran", "on\n"]);
      expect(warnings).toEqual([
        `the poststart hook ${failing} ended with status 3`,
        `the poststart hook ${slow} took longer than 1 s`,
        `the poststop hook ${failing} ended with status 3`,
      ]);
    } finally {
      process.off("warning", warned);
    }
  });

  const MIDST = ["prestart", "createRuntime", "createContainer", "startContainer"] as const;

  test.each(NAMES)(
    "those in the midst of the making run in their order and places, with the state (%s)",
    async (runtime) => {
      // Of the image, for the one that is run in it; the others find the same path on the host.
      const name = `midst-${names++}`;
      const path = join(bundles.directory, name);
      const log = join(bundles.directory, `${name}-log`);
      hook(name, `echo "$1 $WORD $$ $(hostname) $(readlink /proc/self/ns/mnt) $(cat)" >>${log}`);
      mkdirSync(join(bundles.root, bundles.directory), { recursive: true });
      const own = join(bundles.root, bundles.directory, name);
      writeFileSync(own, `#!/bin/sh\necho "$1 $WORD $$ $(hostname) $(id -u) $(cat)" >/mnt/inside\n`);
      chmodSync(own, 0o755);
      const shared = join(bundles.directory, `${name}-shared`);
      mkdirSync(shared);
      const output = await run(runtime, "cat /mnt/inside", (config) => {
        config.mounts.push({ destination: "/mnt", type: "bind", source: shared, options: ["bind"] });
        const env = ["WORD=said", "PATH=/bin:/usr/bin"];
        const one = (kind: string) => [{ path, args: ["note", kind], env, timeout: 30 }];
        config.hooks = Object.fromEntries(MIDST.map((kind) => [kind, one(kind)]));
      });
      const lines = readFileSync(log, "utf8").trim().split("\n");
      expect(lines.map((line) => line.split(" ", 2).join(" "))).toEqual([
        "prestart said",
        "createRuntime said",
        "createContainer said",
      ]);
      const [early, runtimeLine = "", inside = ""] = lines;
      const host = readlinkSync("/proc/self/ns/mnt");
      expect(early).toContain(host);
      expect(runtimeLine).toMatch(/"id":"oci-.*"status":"creating","pid":\d{2,}/);
      expect(inside).not.toContain(host);
      expect(inside).toMatch(/ mnt:\S+ \{.*"pid":1[,}]/);
      expect(output).toMatch(/^startContainer said \d+ box 0 \{.*"status":"created".*"pid":1[,}]/);
    },
  );

  test.each(MIDST)("a %s hook that fails ends the start, and what the others did is undone", async (kind) => {
    const undone = join(bundles.directory, `undone-${kind}`);
    const undo = hook(`undo-${kind}`, `echo "$(cat)" >${undone}`);
    const before = readdirSync("/proc/self/fd").length;
    const refused = run("native", "true", (config) => {
      const env = ["PATH=/bin"];
      const path = kind === "startContainer" ? "/bin/false" : "/bin/sh";
      config.hooks = {
        [kind]: [{ path, args: ["sh", "-c", "exit 3"], env }],
        poststop: [{ path: undo, env }],
      };
    });
    const message = await refused.then(String, (error: Error) => error.message);
    expect(message).toMatch(new RegExp(`^the ${kind} hook /bin/(sh|false) ended with status [13]$`));
    expect(readFileSync(undone, "utf8")).toContain('"status":"stopped"');
    await Bun.sleep(20);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("one that takes too long is killed, and one that is missing is named", async () => {
    const failure = (hooks: RuntimeConfig["hooks"]) =>
      run("native", "true", (config) => Object.assign(config, { hooks })).then(
        String,
        (error: Error) => error.message,
      );
    for (const kind of ["createContainer", "startContainer"] as const)
      expect(await failure({ [kind]: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }] })).toBe(
        `the ${kind} hook /bin/sleep took longer than 1 s`,
      );
    for (const kind of MIDST) expect(await failure({ [kind]: [{ path: "/no/such" }] })).toContain("/no/such");
  });

  test("a program that is missing is named, behind hooks too", async () => {
    const failed = run("native", "", (config) => {
      config.process.args = ["nope"];
      config.hooks = { prestart: [{ path: "/bin/true" }] };
    });
    expect(await failed.then(String, (error: Error) => error.message)).toContain("executable file not found");
  });
});
