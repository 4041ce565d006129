/** What layers hold, by the commands that tell of it: why-big, ls-layer, files and diff. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileDifference, FoundFiles, LayerFile, WhyBig } from "../../src/spec/image_layers.ts";
import { type Engine, startFathom } from "../harness/mod.ts";

let engine: Engine;
const fathom = (...args: string[]) => engine.output("fathom", args);

/** One more layer, by a command that is run in the image. */
async function layer(from: string, to: string, script: string): Promise<void> {
  const run = ["run", "--name", to, "--network", "none", from, "sh", "-c", script];
  await engine.output("docker", run);
  await engine.output("docker", ["commit", to, to]);
  await engine.output("docker", ["rm", to]);
}

beforeAll(async () => {
  engine = await startFathom();
  await layer("busybox", "one", "dd if=/dev/zero of=/bigfile.zeroes bs=1k count=2048");
  await layer(
    "one",
    "two",
    "rm /bigfile.zeroes; mkdir -p /var/lib/apt/lists; echo list > /var/lib/apt/lists/x",
  );
  await layer(
    "two",
    "three",
    "printf x > \"$(printf '/odd\\nname\\033[2J')\"; echo changed > /var/lib/apt/lists/x",
  );
});
afterAll(() => engine[Symbol.asyncDispose]());

test("why-big tells lines, what nobody sees and caches, with the mend, and what a squash saves", async () => {
  const text = await fathom("image", "why-big", "three");
  expect(text).toStartWith("SIZE");
  expect(text).toContain("RUN dd if=/dev/zero of=/bigfile.zeroes");
  expect(text).toContain("2.097MB by line 2, hidden by line 3: /bigfile.zeroes");
  expect(text).toContain("combine line 2 and line 3 into one RUN with &&");
  expect(text).toContain("rm -rf /var/lib/apt/lists/*");
  expect(text).toContain("A squash saves 2.097MB: fathom squash -t NAME three");
  const why: WhyBig = JSON.parse(await fathom("image", "why-big", "--format", "json", "three"));
  expect(why.Layers.map(({ Line }) => Line)).toEqual([1, 2, 3, 4]);
  const { stderr } = await engine.command("fathom", ["image", "why-big", "nothing"]);
  expect(stderr).toContain("No such image: nothing:latest");
});

test("ls-layer lists one layer, deletions as such, and quotes a name that would move the cursor", async () => {
  const third = await fathom("image", "ls-layer", "three", "3");
  expect(third).toMatch(/^deleted {4}\/bigfile\.zeroes \(file of 2\.097MB\)$/m);
  expect(third).toMatch(/^-rw-r--r-- +0:0 +5 \d{4}-\d\d-\d\d \d\d:\d\d \/var\/lib\/apt\/lists\/x$/m);
  const last = await fathom("image", "ls-layer", "three", "4");
  expect(last).toContain('"/odd\\nname\\u001b[2J"');
  const lines = await fathom("image", "ls-layer", "--format", "json", "three", "4");
  const files = lines.split("\n").map((line): LayerFile => JSON.parse(line));
  expect(files.map(({ Path }) => Path)).toContain("/odd\nname\x1b[2J");
  const { status, stderr } = await engine.command("fathom", ["image", "ls-layer", "three", "77"]);
  expect([status, stderr]).toEqual([1, expect.stringContaining("no line 77 in the image's history")]);
});

test("files tells which line brought a file, and which changed or deleted it", async () => {
  const text = await fathom("image", "files", "--find", "*.zeroes", "three");
  expect(text.split("\n")[0]).toBe("/bigfile.zeroes (not in the image any more)");
  expect(text).toContain("added   by line 2: RUN dd if=/dev/zero");
  expect(text).toContain("deleted by line 3: RUN rm /bigfile.zeroes");
  const json = await fathom("image", "files", "--format", "json", "--find", "/var/lib/apt/lists/?", "three");
  const found: FoundFiles = JSON.parse(json);
  expect(found.Files.map(({ Path, Present, Changes }) => [Path, Present, Changes.length])).toEqual([
    ["/var/lib/apt/lists/x", true, 2],
  ]);
  expect((await engine.command("fathom", ["image", "files", "--find", "/no", "three"])).status).toBe(1);
});

test("diff tells which files two images differ in, and a squashed image does not differ from its own", async () => {
  const text = await fathom("image", "diff", "one", "three");
  expect(text.split("\n")).toContain("D /bigfile.zeroes (2.097MB)");
  expect(text.split("\n")).toContain("A /var/lib/apt/lists/x (8B)");
  const lines = (await fathom("image", "diff", "--format", "json", "two", "three")).split("\n");
  const differences = lines.map((line): FileDifference => JSON.parse(line));
  expect(differences.find(({ Path }) => Path.endsWith("/x"))).toMatchObject({
    Change: "changed",
    What: ["content", "time"],
    Before: 5,
    After: 8,
  });
  await fathom("squash", "-t", "flat", "three");
  expect(await fathom("image", "diff", "flat", "three")).toBe("");
});

test("an image that is removed while it is read stays until that is done", async () => {
  const reply = engine.request("GET", "/images/two/why-big");
  await engine.output("docker", ["rmi", "-f", "two"]);
  const { status, json } = await reply;
  if (status === 200) expect((json as WhyBig).Layers).toHaveLength(3);
  else expect(status).toBe(404);
});
