/** How much room things take, and taking away what nobody uses, from the command line and from the API. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

/** Docker 20.10, with which these tests are compared, has less than the API described. */
const NEWER = !ON_DOCKER;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine.removeContainers();
  for (const name of (await engine.output("docker", ["volume", "ls", "-q"])).split("\n").filter(Boolean))
    await engine.output("docker", ["volume", "rm", name]);
  const images = (await engine.request("GET", "/images/json")).json as {
    Id: string;
    RepoTags: string[] | null;
  }[];
  for (const { Id, RepoTags } of images)
    if (!RepoTags?.includes("busybox:latest")) await engine.output("docker", ["rmi", "-f", Id]);
});
afterAll(() => engine[Symbol.asyncDispose]());

interface Usage {
  LayersSize: number;
  Images: Record<string, unknown>[] | null;
  Containers: Record<string, unknown>[] | null;
  Volumes: { Name: string; UsageData: unknown }[] | null;
  BuildCache: unknown[] | null;
}

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs } = commandLine(client, () => engine);
  const created = (...args: string[]) => output(["create", ...NONE, ...args, "busybox", "true"]);
  const wrote = (name: string, bytes: number) =>
    output(["run", "--name", name, ...NONE, "busybox", "sh", "-c", `head -c ${bytes} /dev/zero >/zeros`]);
  const tags = async () =>
    (await output(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n").filter(Boolean);
  /** An image with nothing in it, and without a name unless one is given. */
  const empty = (...args: string[]) => output(["import", ...args], { input: new Uint8Array(1024) });

  describe("system df", () => {
    test("counts what there is, what is in use, and what could be free", async () => {
      await wrote("writer", 5000);
      await runs(["-v", "data:/data", "busybox", "sh", "-c", "head -c 300 /dev/zero >/data/zeros"]);
      await created("-v", "data:/data");
      const rows = (await output(["system", "df"])).split("\n").map((line) => line.split(/ {2,}/));
      expect(rows[0]).toEqual(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
      expect(rows[1]).toEqual(["Images", "1", "1", expect.stringMatching(/[kM]B$/), "0B (0%)"]);
      expect(rows[2]).toEqual(["Containers", "2", "0", "5kB", "5kB (100%)"]);
      expect(rows[3]).toEqual(["Local Volumes", "1", "1", "300B", "0B (0%)"]);
      expect(rows[4]).toEqual(["Build Cache", "0", "0", "0B", "0B"]);
    });

    test("prints by a template, or each row as JSON", async () => {
      expect(await output(["system", "df", "--format", "{{.Type}}={{.TotalCount}}"])).toBe(
        "Images=1\nContainers=0\nLocal Volumes=0\nBuild Cache=0",
      );
      if (NEWER) {
        const [images = ""] = (await output(["system", "df", "--format", "json"])).split("\n");
        expect(JSON.parse(images)).toMatchObject({ Type: "Images", TotalCount: "1", Active: "0" });
      }
    });

    test("-v shows every image, container and volume", async () => {
      await wrote("writer", 5000);
      await created("--name", "reader", "-v", "data:/data");
      const text = await output(["system", "df", "-v"]);
      expect(text).toMatch(/^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE/);
      expect(text).toMatch(/\nbusybox +latest +[0-9a-f]{12} .* ago +\S+B +0B +\S+B +2\n/);
      expect(text).toMatch(/Containers space usage:\n\nCONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE/);
      expect(text).toMatch(/busybox +\S.* +0 +5kB +.* ago +Exited \(0\) .* ago +writer\n/);
      expect(text).toMatch(/busybox +.* +1 +0B +.* ago +Created +reader\n/);
      expect(text).toMatch(/Local Volumes space usage:\n\nVOLUME NAME +LINKS +SIZE\ndata +1 +0B\n/);
      expect(text).toContain("Build cache usage: 0B\n\nCACHE ID   CACHE TYPE   SIZE ");
      const format = "{{range .Containers}}{{.Names}} {{.Size}}\n{{end}}{{range .Volumes}}{{.Name}}{{end}}";
      expect(await output(["system", "df", "-v", "--format", format])).toBe("reader 0B\nwriter 5kB\ndata");

      const whole = JSON.parse(await output(["system", "df", "-v", "--format", "json"]));
      expect(Object.keys(whole)).toEqual(["Images", "Containers", "Volumes", "BuildCache"]);
      expect(whole).toMatchObject({
        Images: [{ Repository: "busybox", Tag: "latest", SharedSize: "0B", Containers: "2" }],
        Containers: [
          { Names: "reader", Size: "0B", Image: "busybox", State: "created" },
          { Names: "writer", Size: "5kB", LocalVolumes: "0" },
        ],
        Volumes: [{ Name: "data", Links: "1", Size: "0B" }],
        BuildCache: [],
      });
    });

    test("an image that another is built on shares its bytes with it", async () => {
      await wrote("writer", 7000);
      await output(["commit", "writer", "grown"]);
      const { json } = await engine.request("GET", "/v1.41/system/df");
      const { Images, LayersSize } = json as Usage;
      const [base = {}, grown = {}] = (Images ?? []).sort((a, b) => Number(a.Size) - Number(b.Size));
      expect([base.SharedSize, grown.SharedSize]).toEqual([base.Size, base.Size]);
      expect([grown.Size, LayersSize]).toEqual([Number(base.Size) + 7000, grown.Size]);
      expect([base.Containers, grown.Containers]).toEqual([1, 0]);
      expect(json).toMatchObject({ BuilderSize: 0 });
      expect(base.VirtualSize).toBe(base.Size);
      await output(["rmi", "grown"]);
    });
  });

  describe("prune", () => {
    test("of images takes those without a tag; with -a all that no container was made from", async () => {
      const nameless = await empty("-");
      await empty("-", "named:1");
      expect(await output(["image", "prune", "-f"])).toStartWith(`Deleted Images:\ndeleted: ${nameless}\n`);
      expect((await tags()).sort()).toEqual(["busybox:latest", "named:1"]);
      await created();
      expect(await output(["image", "prune", "-a", "--force"])).toMatch(
        /^Deleted Images:\nuntagged: named:1\ndeleted: sha256:.*\n(deleted: .*\n)*\nTotal reclaimed space: 0B$/,
      );
      expect(await tags()).toEqual(["busybox:latest"]);
    });

    test("of images heeds labels and age", async () => {
      await empty("-c", "LABEL keep=yes", "-", "kept:1");
      await empty("-c", "LABEL keep=no", "-", "old:1");
      await created();
      const prune = (filter: string) => output(["image", "prune", "-a", "-f", "--filter", filter]);
      expect(await prune("until=1h")).toBe("Total reclaimed space: 0B");
      expect(await prune("label=other")).toBe("Total reclaimed space: 0B");
      expect(await prune("label!=keep=yes")).toContain("untagged: old:1");
      expect(await tags()).toContain("kept:1");
      await output(["rmi", "kept:1"]);
      const wrong = await command(["image", "prune", "-f", "--filter", "colour=red"]);
      expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("nvalid filter 'colour'")]);
    });

    test("of networks leaves those alone that are always there", async () => {
      expect(await output(["network", "prune", "-f", "--filter", "until=1h"])).toBe("");
      expect(await output(["network", "ls", "--format", "{{.Name}}"])).toMatch(/host\nnone$/);
      expect((await command(["network", "prune", "-f", "--filter", "colour=red"])).status).toBe(1);
    });

    test("of all takes containers, then what they used; volumes only when told", async () => {
      await wrote("writer", 4000);
      await created("--name", "user", "-v", "/anonymous", "-v", "named:/named");
      await empty("-");
      const text = await output(["system", "prune", "-f"]);
      expect(text).toMatch(/^Deleted Containers:\n[0-9a-f]{64}\n[0-9a-f]{64}\n\n/);
      expect(text).toMatch(/Deleted Images:\ndeleted: sha256:[\s\S]*\nTotal reclaimed space: 4kB$/);
      expect((await output(["volume", "ls", "-q"])).split("\n")).toHaveLength(2);
      const volumes = await output(["system", "prune", "--volumes", "--force", "--filter", "label!=x"]);
      if (NEWER) {
        expect(volumes).toMatch(/^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B$/);
        expect(await output(["volume", "ls", "-q"])).toBe("named");
      }
      expect(await tags()).toEqual(["busybox:latest"]);
    });

    test("asks first, names what would go, and takes no for an answer", async () => {
      const nameless = await empty("-");
      const args = ["system", "prune", "-a", "--volumes", "--filter", "label=x"];
      const { status, stdout } = await command(args, { input: "n\n" });
      expect(status).toBe(0);
      expect(stdout).toMatch(
        /^WARNING! This will remove:\n {2}- all stopped containers\n {2}- all networks not used/,
      );
      expect(stdout).toContain("filtered with:\n  - label=x\n\nAre you sure you want to continue? [y/N] ");
      for (const group of ["image", "container", "volume", "network"])
        expect((await command([group, "prune"], { input: "n\n" })).stdout).toEndWith("[y/N] ");
      expect(await output(["image", "prune"], { input: "y\n" })).toContain(`deleted: ${nameless}`);
    });

    test("refuses an age for volumes, which have none", async () => {
      const { status, stderr } = await command(["system", "prune", "--volumes", "--filter", "until=1h"]);
      expect([status, stderr]).toEqual([1, expect.stringContaining('The "until" filter is not supported')]);
    });
  });

  describe("the groups", () => {
    test("have every command under its long name too", async () => {
      const id = await output(["container", "run", "-d", "--name", "one", ...NONE, "busybox", "sleep", "60"]);
      for (const verb of ["ls", "list", "ps"])
        expect(await output(["container", verb, "-q", "--no-trunc"])).toBe(id);
      expect(await output(["container", "exec", "one", "echo", "hi"])).toBe("hi");
      expect(await output(["container", "rename", "one", "two"])).toBe("");
      expect(await output(["container", "inspect", "-s", "-f", "{{.SizeRw}}", "two"])).toMatch(/^\d+$/);
      expect(await output(["container", "port", "two"])).toBe("");
      expect((await command(["port", "two", "80"])).stderr).toContain("No public port '80");
      expect((await command(["port", "two", "http"])).stderr).toContain("invalid port");
      expect(await output(["container", "top", "two"])).toContain("sleep 60");
      expect(await output(["container", "stop", "-t", "0", "two"])).toBe("two");
      expect(await output(["container", "wait", "two"])).toBe("137");
      expect(await output(["container", "rm", "two"])).toBe("two");
      for (const verb of ["ls", "list"]) expect(await output(["image", verb, "-q"])).not.toBe("");
      expect(await output(["system", "info", "-f", "{{.Images}}"])).toBe("1");
      expect(await output(["system", "events", "--since", "1", "--until", "2"])).toBe("");
    });
  });
});

test.skipIf(ON_DOCKER)("df counts only what is asked for; the rest is null", async () => {
  const only = async (query: string) => (await engine.request("GET", `/system/df?${query}`)).json as Usage;
  await engine.request("POST", "/volumes/create", { Name: "data" });
  const volumes = await only("type=volume");
  expect(volumes).toMatchObject({ LayersSize: 0, Images: null, Containers: null, BuildCache: null });
  expect(volumes.Volumes).toMatchObject([{ Name: "data", UsageData: { RefCount: 0, Size: 0 } }]);
  const two = await only("type=container&type=build-cache");
  expect(two).toEqual({ LayersSize: 0, Images: null, Containers: [], Volumes: null, BuildCache: [] });
  const wrong = await engine.request("GET", "/system/df?type=dust");
  expect([wrong.status, wrong.json]).toEqual([400, { message: "unknown object type: dust" }]);
  expect(await only("").then(({ Images }) => Images?.[0])).not.toHaveProperty("VirtualSize");
});

test.skipIf(ON_DOCKER)("info has every field that Docker's has on a host without a swarm", async () => {
  const { json } = await engine.request("GET", "/info");
  expect(json).toMatchObject({
    Swarm: { LocalNodeState: "inactive", ControlAvailable: false, RemoteManagers: null },
    RegistryConfig: {
      InsecureRegistryCIDRs: ["127.0.0.0/8", "::1/128"],
      IndexConfigs: { "docker.io": { Name: "docker.io", Mirrors: [], Secure: true, Official: true } },
      Mirrors: [],
    },
    ContainerdCommit: { ID: "N/A" },
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: [],
    Warnings: expect.any(Array),
  });
});

test("a prune of images is told by an event", async () => {
  const since = Date.now() / 1000 - 1;
  await engine.request("POST", "/images/prune");
  const query = `since=${since.toFixed(3)}&until=${(Date.now() / 1000 + 0.1).toFixed(3)}`;
  const { text } = await engine.request("GET", `/events?${query}`);
  expect(text).toMatch(
    /"Type":"image","Action":"prune","Actor":\{"ID":"","Attributes":\{"reclaimed":"0"\}\}/,
  );
});
