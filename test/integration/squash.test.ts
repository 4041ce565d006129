/**
 * `fathom squash` between Docker's save and load, and in the engine, on the seeds' own example: a file of 128 MB that a later line of the
 * Dockerfile deletes. Docker itself builds the image and loads what comes of it.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entryHeader, NO_FILE, tarEnd, tarPadding } from "../../src/std/tar/writer.ts";
import { type Engine, FATHOM, run, startDocker, startFathom } from "../harness/mod.ts";

const DOCKERFILE = `FROM busybox
RUN dd if=/dev/zero of=/bigfile.zeroes bs=1k count=$((1024*128))
RUN rm -f /bigfile.zeroes
RUN touch /testfile.txt
RUN mkdir -p /d/e /gone && echo x > /d/e/f && ln /d/e/f /d/hard && ln -s e/f /d/soft && chown 12:34 /d/e/f \\
 && chmod 4711 /d/e/f && mknod /d/null c 1 3 && touch /gone/a && echo keep > /bin/extra
RUN rm -rf /gone /d/e && mkdir -p /gone /d/e && echo y > /d/e/g && rm /bin/sleep
ENV COLOUR=blue
`;

let docker: Engine;
let fathom: Engine;
let archive: string;
let flat: string;

const tried = ({ socket }: Engine, script: string) =>
  run(["sh", "-c", script], { env: { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: "0" } });

async function shell(engine: Engine, script: string): Promise<string> {
  const { status, stdout, stderr } = await tried(engine, script);
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return stdout.trim();
}

beforeAll(async () => {
  [docker, fathom] = await Promise.all([startDocker(), startFathom({ bare: true })]);
  const context = join(docker.root, "context");
  await mkdir(context);
  await writeFile(join(context, "Dockerfile"), DOCKERFILE);
  await shell(docker, `docker build --network none -q -t nonflat ${context}`);
  archive = join(docker.root, "nonflat.tar");
  flat = join(docker.root, "flat.tar");
  await shell(docker, `docker save nonflat >${archive}`);
  await shell(docker, `${FATHOM} squash --from 1 -t flat <${archive} >${flat}`);
});
afterAll(async () => {
  await docker[Symbol.asyncDispose]();
  await fathom[Symbol.asyncDispose]();
});

/** Every file of an image as tar tells it; what an engine makes itself in every container is left out. */
async function files(engine: Engine, image: string): Promise<string[]> {
  const listing = await shell(
    engine,
    `id=$(docker create --network none ${image} true) && docker export $id | tar --numeric-owner --full-time -tv && docker rm $id >&2`,
  );
  return listing
    .split("\n")
    .filter((line) => !/ (\.dockerenv|(dev|proc|sys|etc)\/(\S*)?)( |$)/.test(line))
    .sort();
}

const json = async (engine: Engine, image: string) =>
  JSON.parse(await shell(engine, `docker image inspect ${image}`))[0];

describe("between docker save and docker load", () => {
  test("the 128 MB that were deleted are gone, and every file that is seen is there as it was", async () => {
    expect((await stat(archive)).size).toBeGreaterThan(128 * 1024 * 1024);
    expect((await stat(flat)).size).toBeLessThan(8 * 1024 * 1024);
    expect(await shell(docker, `docker load <${flat}`)).toBe("Loaded image: flat:latest");
    const before = await files(docker, "nonflat");
    expect(before.length).toBeGreaterThan(10);
    expect(await files(docker, "flat")).toEqual(before);
    expect(await shell(docker, "docker run --rm --network none flat cat /bin/extra /d/e/g /d/hard")).toBe(
      "keep\ny\nx",
    );
  });

  test("the layer below is the same, the size is that of the base, and the history says what was merged", async () => {
    const [base, one, before] = await Promise.all(
      ["busybox", "flat", "nonflat"].map((name) => json(docker, name)),
    );
    expect(one.RootFS.Layers).toHaveLength(2);
    expect(one.RootFS.Layers[0]).toBe(base.RootFS.Layers[0]);
    expect(one.Size - base.Size).toBeLessThan(100_000);
    expect(before.Size - base.Size).toBeGreaterThan(128 * 1024 * 1024);
    expect(one.Config).toEqual(before.Config);
    const history = await shell(docker, "docker history --no-trunc --format '{{.Size}}|{{.Comment}}' flat");
    expect(history.split("\n")[0]).toContain(`merge ${before.Id} to ${base.RootFS.Layers[0]}`);
    expect(
      history
        .split("\n")
        .slice(1, -1)
        .every((line) => line.startsWith("0B|")),
    ).toBe(true);
  });

  test("without --from all layers become one, and a wish that cannot be met writes nothing", async () => {
    const loaded = await shell(docker, `${FATHOM} squash -t all:1 <${archive} | docker load`);
    expect(loaded).toBe("Loaded image: all:1");
    expect((await json(docker, "all:1")).RootFS.Layers).toHaveLength(1);
    expect(await files(docker, "all:1")).toEqual(await files(docker, "nonflat"));
    const { status, stdout, stderr } = await tried(docker, `${FATHOM} squash --from feed <${archive}`);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toStartWith("squash: no layer feed in the image: give the beginning of a layer's digest");
    const none = await tried(docker, `${FATHOM} squash </dev/null | cat`);
    expect(none.stderr).toContain("squash: ");
  });

  test("skopeo reads what comes of it, in either form", async () => {
    const inspect = (form: string) => shell(docker, `skopeo inspect ${form}:${flat}`).then(JSON.parse);
    const { RootFS, Config } = await json(docker, "nonflat");
    for (const form of ["docker-archive", "oci-archive"]) {
      const { Layers, Env } = await inspect(form);
      expect([form, Layers.length, Env]).toEqual([form, 2, Config.Env]);
      expect(RootFS.Layers).toContain(Layers[0]);
    }
  });

  test("memory does not grow with what passes: 512 MB go through less than 256", async () => {
    const filter = Bun.spawn([FATHOM, "daemon", "squash", "{}"], { stdio: ["pipe", "ignore", "inherit"] });
    for (const piece of hugeArchive()) {
      filter.stdin.write(piece);
      await filter.stdin.flush();
    }
    await filter.stdin.end();
    expect(await filter.exited).toBe(0);
    expect(filter.resourceUsage()?.maxRSS).toBeLessThan(256 * 1024 * 1024);
  });
});

/** An image of one layer with a file of 512 MB. */
function* hugeArchive(): Generator<Uint8Array> {
  const header = (path: string, size: number) =>
    entryHeader({ ...NO_FILE, path: Buffer.from(path), size, mode: 0o644 });
  const piece = new Uint8Array(1024 * 1024).fill(7);
  const layer = [header("huge", 512 * piece.length), ...Array(512).fill(piece), tarEnd()];
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of layer) hasher.update(part);
  const rootfs = { type: "layers", diff_ids: [`sha256:${hasher.digest("hex")}`] };
  yield header("layer.tar", 512 * piece.length + 3 * 512);
  yield* layer;
  const documents = {
    "config.json": { architecture: "amd64", os: "linux", rootfs },
    "manifest.json": [{ Config: "config.json", RepoTags: null, Layers: ["layer.tar"] }],
  };
  for (const [name, value] of Object.entries(documents)) {
    const content = Buffer.from(JSON.stringify(value));
    yield* [header(name, content.length), content, tarPadding(content.length)];
  }
  yield tarEnd();
}

describe("in the engine", () => {
  test("what Docker built is squashed above its base, and shows the same files", async () => {
    await shell(fathom, `docker load <${archive}`);
    const since = Math.floor(Date.now() / 1000) - 1;
    const wishes = ["squash", "--from", "1", "-t", "small", "nonflat"];
    const { status, stdout, stderr } = await fathom.command("fathom", wishes);
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^6 layers of 1\d\d.*MB became 2 of .*MB\n$/),
    ]);
    const { Id, RootFS } = await json(fathom, "small");
    expect(stdout).toBe(`${Id}\n`);
    expect(RootFS.Layers).toHaveLength(2);
    expect(await files(fathom, "small")).toEqual(await files(fathom, "nonflat"));
    const events = await shell(
      fathom,
      `docker events --since ${since} --until $(($(date +%s) + 1)) --filter event=tag`,
    );
    expect(events).toContain(`image tag ${Id} (name=small:latest)`);
  });

  test("what it squashed goes back to Docker, with the same files", async () => {
    await fathom.output("fathom", ["image", "squash", "--tag", "whole", "nonflat"]);
    await shell(fathom, `docker save whole >${join(fathom.root, "whole.tar")}`);
    await shell(docker, `docker load <${join(fathom.root, "whole.tar")}`);
    expect(await files(docker, "whole")).toEqual(await files(docker, "nonflat"));
  });

  test("an image or a layer that is not there is said so, and nothing is left", async () => {
    const blobs = () => readFile(join(fathom.dataRoot, "images/index.json"), "utf8");
    const before = await blobs();
    const failed = async (...args: string[]) => (await fathom.command("fathom", ["squash", ...args])).stderr;
    expect(await failed("nothing")).toContain("No such image: nothing:latest");
    expect(await failed("--from", "99", "nonflat")).toContain("no line 99 in the image's history");
    expect(await failed("-t", "Upper", "nonflat")).toContain("repository name must be lowercase");
    expect(await blobs()).toBe(before);
  });
});
