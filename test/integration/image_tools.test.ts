/** Images in the hands of other people's programs: umoci on the store itself, podman and skopeo on archives, both ways. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { access, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
let directory: string;
/** An image of two layers; the second takes away a file of the first, changes one and adds one. */
let id: string;

const NAME = "docker.io/library/made:1";
/** What stands for an image whatever it is called and however its layers are compressed. */
const FACTS = "{{json .Config.Env}} {{json .Config.Labels}} {{json .RootFS.Layers}}";

beforeAll(async () => {
  engine = await startFathom();
  directory = await mkdtemp("/tmp/fathom-test-image-tools-");
  const script = "rm /bin/sed; echo new > /etc/passwd; mkdir /d; ln /etc/passwd /d/link";
  const container = await docker(
    ...["create", "--network", "none", "-e", "A=b c", "-l", "k=v", "busybox", "sh", "-c", script],
  );
  await docker("start", "-a", container);
  id = await docker("commit", container, NAME);
  await docker("rm", container);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const docker = (...words: string[]): Promise<string> => engine.output("docker", words);
const file = (name: string): string => join(directory, name);

async function succeeded(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(words, { timeout: 60_000 });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

describe("umoci", () => {
  test("lists what is in the store by its whole names, with a step of its history for each layer", async () => {
    const layout = join(engine.dataRoot, "images");
    expect((await succeeded("umoci", "ls", "--layout", layout)).split("\n").sort()).toEqual([
      "docker.io/library/busybox:latest",
      NAME,
    ]);
    const { history } = JSON.parse(
      await succeeded("umoci", "stat", "--json", "--image", `${layout}:${NAME}`),
    ) as { history: { layer: { digest: string } }[] };
    const { layers } = JSON.parse(await succeeded("skopeo", "inspect", "--raw", `oci:${layout}:${NAME}`)) as {
      layers: { digest: string }[];
    };
    expect(history.map(({ layer }) => layer.digest)).toEqual(layers.map(({ digest }) => digest));
  });

  test("unpacks an image from the store with what its upper layer changed", async () => {
    // It writes into the layout that it reads, so it gets one of its own.
    const layout = file("layout");
    await succeeded("cp", "-r", join(engine.dataRoot, "images"), layout);
    const bundle = file("bundle");
    await succeeded("umoci", "unpack", "--image", `${layout}:${NAME}`, bundle);
    const root = join(bundle, "rootfs");
    expect(await readFile(join(root, "d/link"), "utf8")).toBe("new\n");
    const [one, other] = await Promise.all(["etc/passwd", "d/link"].map((name) => stat(join(root, name))));
    expect(one?.ino).toBe(other?.ino);
    expect(await exists(join(root, "bin/sh"))).toBe(true);
    expect(await exists(join(root, "bin/sed"))).toBe(false);
    const { process } = JSON.parse(await readFile(join(bundle, "config.json"), "utf8")) as {
      process: { env: string[] };
    };
    expect(process.env).toContain("A=b c");
  });

  test("writes an image that is loaded, and is what it was", async () => {
    const layout = file("changed");
    await succeeded("cp", "-r", join(engine.dataRoot, "images"), layout);
    const changed = `${layout}:${NAME}`;
    await succeeded("umoci", "config", "--image", changed, "--tag", "changed", "--config.label", "by=umoci");
    await succeeded("umoci", "rm", "--image", changed);
    await succeeded("umoci", "rm", "--image", `${layout}:docker.io/library/busybox:latest`);
    await succeeded("umoci", "gc", "--layout", layout);
    await succeeded("tar", "-C", layout, "-cf", file("changed.tar"), ".");
    const said = await docker("load", "-q", "-i", file("changed.tar"));
    const name = said.replace(/^Loaded image(?: ID)?: /, "");
    expect(await docker("image", "inspect", "-f", "{{.Config.Labels.k}} {{.Config.Labels.by}}", name)).toBe(
      "v umoci",
    );
    expect(await docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", name)).toBe(
      await docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", NAME),
    );
    await docker("rmi", name);
  });
});

describe("podman", () => {
  const podman = (...words: string[]): Promise<string> => {
    const at = (name: string) => join(directory, "podman", name);
    const places = ["--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp")];
    return succeeded("podman", ...places, "--storage-driver", "vfs", ...words);
  };

  test("loads what is saved, and knows it by the same ID", async () => {
    await docker("save", "-o", file("to-podman.tar"), NAME);
    expect(await podman("load", "-i", file("to-podman.tar"))).toEndWith(`Loaded image: ${NAME}`);
    expect(`sha256:${await podman("image", "inspect", "-f", "{{.Id}}", NAME)}`).toBe(id);
  }, 60_000);

  // Its layers come compressed in one and plain in the other.
  test.each(["docker-archive", "oci-archive"])(
    "saves a %s that is loaded with the same ID, facts and files",
    async (format) => {
      const before = await docker("image", "inspect", "-f", FACTS, NAME);
      const archive = file(`${format}.tar`);
      await podman("save", "-q", "--format", format, "-o", archive, NAME);
      await docker("rmi", NAME);
      expect(await docker("load", "-q", "-i", archive)).toBe("Loaded image: made:1");
      expect(await docker("image", "inspect", "-f", FACTS, NAME)).toBe(before);
      expect(await docker("image", "inspect", "-f", "{{.Id}}", NAME)).toBe(id);
      const seen = "cat /d/link; ls /bin/sed /bin/ls 2> /dev/null";
      const container = await docker("create", "--network", "none", NAME, "sh", "-c", seen);
      const { stdout } = await engine.command("docker", ["start", "-a", container]);
      expect(stdout).toBe("new\n/bin/ls\n");
      await docker("rm", container);
    },
    60_000,
  );
});

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
