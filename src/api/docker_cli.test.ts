/** The real docker command against made-up backends: what it understands is what was meant. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type ApiServer, serve } from "./mod.ts";
import { type FakeEngine, fakeBackends } from "./test_backends.ts";
import { temporaryDirectory } from "./test_support.ts";

/** A current client, and Debian 12's 20.10. */
const CLIENTS = ["/usr/local/bin/docker", "/usr/bin/docker"];

for (const docker of CLIENTS) {
  // Skipped with its name shown, where this client is not installed.
  describe.skipIf(!existsSync(docker))(`${docker} (skipped when it is not installed)`, () => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
    let api: ApiServer;
    let engine: FakeEngine;

    beforeAll(async () => {
      directory = await temporaryDirectory();
      engine = fakeBackends();
      const listener = { kind: "unix", path: `${directory.path}/s` } as const;
      api = await serve({ backends: engine.backends, listeners: [listener], report: () => undefined });
    });

    afterAll(async () => {
      await api.close(100);
      await directory[Symbol.asyncDispose]();
    });

    /** Runs the client and gives what it printed, and its exit code. */
    async function run(args: string[], input: string | Uint8Array = "") {
      const child = Bun.spawn([docker, ...args], {
        env: { DOCKER_HOST: api.addresses[0], HOME: directory.path, PATH: process.env.PATH },
        stdin: Buffer.from(input),
        stdout: "pipe",
        stderr: "pipe",
        timeout: 10_000,
      });
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { out, err, code };
    }

    test("version and ps", async () => {
      expect((await run(["version", "--format", "{{.Server.APIVersion}}"])).out).toBe("1.51\n");
      expect((await run(["ps"])).out).toStartWith("CONTAINER ID");
    });

    test("run sends its input, half-closes, prints the output and ends with the program's code", async () => {
      expect(await run(["run", "-i", "--rm", "box", "cat"], "some input")).toEqual({
        out: "got some input",
        err: "",
        code: 7,
      });
    });

    test("exec is hijacked as well", async () => {
      expect((await run(["exec", "-i", "c", "cat"], "more")).out).toBe("got more");
    });

    test("logs are taken apart, wait prints the code, top its table", async () => {
      expect((await run(["logs", "c"])).out).toBe("logged\n");
      expect((await run(["wait", "c"])).out).toBe("7\n");
      expect((await run(["top", "c"])).out).toBe("PID\n1\n");
    });

    test("stop, kill, rename and rm", async () => {
      for (const args of [
        ["stop", "c"],
        ["kill", "c"],
        ["rename", "c", "d"],
        ["rm", "-f", "c"],
      ]) {
        expect(await run(args)).toMatchObject({ err: "", code: 0 });
      }
    });

    test("import streams a large archive and prints the ID", async () => {
      const size = 20 * 2 ** 20;
      expect((await run(["import", "-", "a:b"], new Uint8Array(size))).out).toBe(`sha256:${size}\n`);
    });

    test("errors are shown as the daemon worded them", async () => {
      expect((await run(["start", "throw-conflict"])).err).toContain(
        "Error response from daemon: thrown: conflict",
      );
    });
  });
}
