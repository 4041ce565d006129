/** What the engine says of itself, and images from the command line. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const { command, output } = commandLine(client, () => engine);

  describe("about the engine", () => {
    test("version names both sides", async () => {
      expect(await output(["version"])).toMatch(/Client[\s\S]*Version:[\s\S]*Server[\s\S]*Version:/);
      expect(await output(["version", "-f", "{{.Server.APIVersion}}"])).toMatch(/^1\.\d+$/);
    });

    test("info counts containers and images", async () => {
      expect(await output(["info", "-f", "{{.Containers}} {{.Images}}"])).toBe("0 1");
    });

    test("images are imported, listed, tagged, inspected and removed", async () => {
      const id = await output(["import", "-c", 'CMD ["sh"]', "-", "own:1"], { input: new Uint8Array(1024) });
      expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await output(["images", "-q", "--no-trunc", "own"])).toBe(id);
      await output(["tag", "own:1", "own:2"]);
      expect(await output(["images", "--format", "{{.Repository}}:{{.Tag}}", "own"])).toMatch(
        /own:1\nown:2|own:2\nown:1/,
      );
      expect(await output(["image", "inspect", "-f", "{{json .Config.Cmd}} {{.Os}}", "own:2"])).toBe(
        '["sh"] linux',
      );
      expect(await output(["rmi", "own:1"])).toBe("Untagged: own:1");
      expect(await output(["rmi", "own:2"])).toContain(`Deleted: ${id}`);
      expect((await command(["image", "inspect", "own:2"])).status).toBe(1);
    });
  });
});
