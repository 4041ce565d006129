/** Volumes from the command line, and everything that mounts something into a container. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

/** Docker 20.10, with which these tests are compared, has less than the API described. */
const NEWER = !ON_DOCKER;

let engine: Engine;
let host: string;
beforeAll(async () => {
  engine = await startEngine();
  host = join(engine.root, "host");
  await mkdir(host);
  const changes = ["-c", "VOLUME /etc", "-c", "VOLUME /fresh"];
  await engine.output("docker", ["import", ...changes, "-", "declares"], { input: await busyboxArchive() });
});
afterEach(async () => {
  await engine.removeContainers();
  const { json } = await engine.request("GET", "/volumes");
  const { Volumes } = json as { Volumes: { Name: string }[] | null };
  for (const { Name } of Volumes ?? []) await engine.request("DELETE", `/volumes/${Name}`);
});
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs, started, removed } = commandLine(client, () => engine);
  const sh = async (mounts: string[], script: string, image = "busybox") => {
    const { stdout, stderr, status } = await runs([...mounts, image, "sh", "-c", script]);
    return status === 0 ? stdout.trimEnd() : `${status}: ${stdout}${stderr}`;
  };
  const names = async () => (await output(["volume", "ls", "-q"])).split("\n").filter(Boolean);
  const mountsOf = async (id: string) =>
    JSON.parse(await output(["inspect", "-f", "{{json .Mounts}}", id])) as Record<string, unknown>[];

  describe("a volume", () => {
    test("is created, shown, listed and removed", async () => {
      expect(await output(["volume", "create", "--label", "a=b", "data"])).toBe("data");
      const [shown] = JSON.parse(await output(["volume", "inspect", "data"])) as Record<string, unknown>[];
      expect(shown).toMatchObject({
        Name: "data",
        Driver: "local",
        Scope: "local",
        Labels: { a: "b" },
        Mountpoint: join(engine.dataRoot, "volumes/data/_data"),
      });
      expect(await output(["volume", "ls"])).toMatch(/^DRIVER +VOLUME NAME\nlocal +data$/);
      expect(await output(["volume", "ls", "--format", "{{.Name}} {{.Labels}} {{.Scope}}"])).toBe(
        "data a=b local",
      );
      expect(await output(["volume", "rm", "data"])).toBe("data");
      expect(await names()).toEqual([]);
    });

    test("is found by inspect among all things", async () => {
      await output(["volume", "create", "thing"]);
      for (const args of [
        ["inspect", "thing"],
        ["inspect", "--type", "volume", "thing"],
      ])
        expect(await output([...args, "-f", "{{.Driver}}"])).toBe("local");
    });

    test("that is not there is said not to be, and inspect shows what is", async () => {
      const inspect = await command(["volume", "inspect", "absent"]);
      expect({ status: inspect.status, stdout: inspect.stdout.trim() }).toEqual({ status: 1, stdout: "[]" });
      expect(inspect.stderr).toContain("get absent: no such volume");
      const rm = await command(["volume", "rm", "absent"]);
      expect([rm.status, rm.stderr.trim()]).toEqual([
        1,
        "Error response from daemon: get absent: no such volume",
      ]);
      expect((await command(["volume", "rm", "-f", "absent"])).status).toBe(0);
    });

    test.each([
      [["_bad"], '"_bad" includes invalid characters for a local volume name'],
      [["x"], "volume name is too short, names should be at least two alphanumeric characters"],
      [["-o", "foo=bar", "opt"], 'invalid option: "foo"'],
      [["-o", "type=tmpfs", "opt"], 'missing required option: "device"'],
      [["-d", "nope", "opt"], 'error looking up volume plugin nope: plugin "nope" not found'],
    ])("with %j is refused", async (args, sentence) => {
      const { status, stderr } = await command(["volume", "create", ...args]);
      expect(status).toBe(1);
      expect(stderr).toContain(sentence);
    });

    test("that is used cannot be removed, and the containers are named", async () => {
      const id = await started(["-v", "data:/d", "busybox", "sleep", "100"]);
      for (const flags of [[], ["-f"]]) {
        const { status, stderr } = await command(["volume", "rm", ...flags, "data"]);
        expect([status, stderr.trim()]).toEqual([
          1,
          `Error response from daemon: remove data: volume is in use - [${id}]`,
        ]);
      }
      const dangling = (value: string) => output(["volume", "ls", "-q", "-f", `dangling=${value}`]);
      expect([await dangling("true"), await dangling("false")]).toEqual(["", "data"]);
      await removed(id);
      expect(await dangling("true")).toBe("data");
    });

    test("is filtered by label, name and driver", async () => {
      await output(["volume", "create", "--label", "tier=fast", "one"]);
      await output(["volume", "create", "two"]);
      const shown = (filter: string) => output(["volume", "ls", "-q", "-f", filter]);
      expect(await shown("label=tier")).toBe("one");
      expect(await shown("label=tier=slow")).toBe("");
      expect(await shown("name=w")).toBe("two");
      expect(await shown("driver=local")).toBe("one\ntwo");
      expect((await command(["volume", "ls", "-f", "odd=x"])).stderr).toMatch(/[Ii]nvalid filter 'odd'/);
    });

    test("outlives its containers, and two see the same files", async () => {
      expect(await sh(["-v", "data:/d"], "echo kept >/d/f")).toBe("");
      const id = await started(["-v", "data:/x", "busybox", "sleep", "100"]);
      expect(await sh(["-v", "data:/d"], "cat /d/f; echo more >>/d/f")).toBe("kept");
      expect(await output(["exec", id, "cat", "/x/f"])).toBe("kept\nmore");
      expect(await sh(["-v", "data:/d:ro"], "echo x >/d/g")).toMatch(/Read-only file system/);
    });

    test("with options is mounted as long as somebody uses it", async () => {
      const options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,mode=750"];
      await output(["volume", "create", ...options, "ram"]);
      const script = "grep ' /d ' /proc/mounts; stat -c %a /d";
      expect(await sh(["-v", "ram:/d"], script)).toMatch(/^tmpfs \/d tmpfs .*size=1024k.*\n750$/);
      const mounted = await readFile("/proc/self/mountinfo", "utf8");
      expect(mounted).not.toContain(join(engine.dataRoot, "volumes/ram"));
    });

    test("whose device is not there fails the start and says so", async () => {
      const options = ["-o", "type=none", "-o", "device=/absent", "-o", "o=bind"];
      await output(["volume", "create", ...options, "bad"]);
      const { status, stderr } = await runs(["-v", "bad:/d", "busybox", "true"]);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/failed to mount local volume: mount \/absent:.*no such file or directory/);
    });
  });

  describe("an anonymous volume", () => {
    test("is made for -v with a path, --mount without a source, and what the image declares", async () => {
      const id = await output([
        "create",
        ...NONE,
        ...["-v", "/anon", "--mount", "type=volume,dst=/mount"],
        "declares",
        "true",
      ]);
      const mounts = await mountsOf(id);
      const destinations = mounts.map(({ Destination }) => Destination).sort();
      expect(destinations).toEqual(["/anon", "/etc", "/fresh", "/mount"]);
      for (const { Type, Name, Source, Driver, RW, Propagation } of mounts) {
        expect({ Type, Driver, RW, Propagation }).toEqual({
          Type: "volume",
          Driver: "local",
          RW: true,
          Propagation: "",
        });
        expect(Name).toMatch(/^[0-9a-f]{64}$/);
        expect(Source).toBe(join(engine.dataRoot, "volumes", String(Name), "_data"));
      }
      expect(await names()).toHaveLength(4);
      await output(["rm", id]);
      expect(await names()).toHaveLength(4);
    });

    test("goes with rm -v and --rm; one with a name does not", async () => {
      const id = await output(["create", ...NONE, "-v", "named:/n", "declares", "true"]);
      expect(await names()).toHaveLength(3);
      await output(["rm", "-v", id]);
      expect(await names()).toEqual(["named"]);
      expect(await sh(["-v", "/anon", "-v", "named:/n"], "true", "declares")).toBe("");
      expect(await names()).toEqual(["named"]);
    });

    test.if(NEWER)("is what prune takes; all are taken with -a", async () => {
      await output(["volume", "create", "named"]);
      const anonymous = await output(["volume", "create"]);
      expect(await output(["volume", "prune", "-f"])).toBe(
        `Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 0B`,
      );
      expect(await names()).toEqual(["named"]);
      expect(await output(["volume", "prune", "-f", "-a"])).toContain("Deleted Volumes:\nnamed");
      const cancelled = await command(["volume", "prune"], { input: Buffer.from("n\n") });
      expect(cancelled.stdout).toContain(
        "WARNING! This will remove anonymous local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] ",
      );
    });
  });

  describe("copying up", () => {
    test("fills an empty volume with the image's files, once", async () => {
      expect(await sh(["-v", "conf:/etc"], "cat /etc/group >/dev/null; echo own >/etc/own")).toBe("");
      expect(await sh(["-v", "conf:/elsewhere"], "ls /elsewhere | grep -E '^(group|passwd|own)$'")).toBe(
        "group\nown\npasswd",
      );
      expect(await sh(["-v", "bare:/etc:nocopy"], "ls /etc | grep passwd || true")).toBe("");
      expect(
        await sh(["--mount", "type=volume,src=bare2,dst=/etc,volume-nocopy"], "ls /etc | grep pass || true"),
      ).toBe("");
    });

    test("brings the directory's own mode, and happens when the container is made", async () => {
      await output(["create", ...NONE, "-v", "tmp:/tmp", "busybox", "true"]);
      const mode = (await stat(join(engine.dataRoot, "volumes/tmp/_data"))).mode & 0o7777;
      expect(mode).toBe(0o1777);
    });
  });

  describe("--volumes-from", () => {
    test("brings what another has mounted, read-only if so said", async () => {
      await writeFile(join(host, "f"), "of the host\n");
      const first = await output(["create", ...NONE, "-v", "data:/d", "-v", `${host}:/h`, "busybox", "true"]);
      expect(await sh(["--volumes-from", first], "cat /h/f; echo x >/d/x; cat /d/x")).toBe("of the host\nx");
      expect(await sh(["--volumes-from", `${first}:ro`], "echo x >/d/y")).toMatch(/Read-only file system/);
      const second = await output([
        "create",
        ...NONE,
        "--volumes-from",
        first,
        "-v",
        "own:/d",
        "busybox",
        "true",
      ]);
      const found = (await mountsOf(second)).map(({ Destination, Name }) => `${Destination} ${Name ?? ""}`);
      expect(found.sort()).toEqual(["/d own", "/h "]);
    });

    test("keeps an anonymous volume until its last user is removed", async () => {
      const first = await output(["create", ...NONE, "-v", "/anon", "busybox", "true"]);
      const second = await output(["create", ...NONE, "--volumes-from", first, "busybox", "true"]);
      await output(["rm", "-v", first]);
      expect(await names()).toHaveLength(1);
      await output(["rm", "-v", second]);
      expect(await names()).toEqual([]);
    });
  });

  describe("ps", () => {
    test("shows mounts, and finds containers by volume and by place", async () => {
      const id = await output(["create", ...NONE, "-v", "data:/d", "busybox", "true"]);
      expect(await output(["ps", "-a", "--format", "{{.Mounts}} {{.LocalVolumes}}"])).toBe("data 1");
      for (const value of ["data", "/d"])
        expect(await output(["ps", "-aq", "--no-trunc", "-f", `volume=${value}`])).toBe(id);
      expect(await output(["ps", "-aq", "-f", "volume=other"])).toBe("");
    });
  });

  describe("a bind", () => {
    test("is made for -v, and must be there for --mount", async () => {
      const made = join(host, `made-${client}`);
      expect(await sh(["-v", `${made}:/m`], "echo x >/m/f")).toBe("");
      expect(await readdir(made)).toEqual(["f"]);
      const absent = join(host, `absent-${client}`);
      const { status, stderr } = await runs(["--mount", `type=bind,src=${absent},dst=/m`, "busybox", "true"]);
      expect(status).toBe(125);
      expect(stderr).toContain(
        `invalid mount config for type "bind": bind source path does not exist: ${absent}`,
      );
    });

    test("that asks for propagation its source does not have is refused", async () => {
      const mount = `type=bind,src=${host},dst=/m,bind-propagation=rshared`;
      const { stderr } = await runs(["--mount", mount, "busybox", "true"]);
      expect(stderr).toMatch(/path \S+ is mounted on \S+ but it is not a shared mount/);
    });
  });

  test("mounts stand in the order of their depth, whatever was named first", async () => {
    await mkdir(join(host, "deep"), { recursive: true });
    await writeFile(join(host, "deep", "f"), "deep\n");
    const mounts = ["-v", `${host}/deep:/a/b/c`, "-v", "outer:/a", "--tmpfs", "/a/b"];
    expect(await sh(mounts, "cat /a/b/c/f; ls /a; stat -f -c %T /a/b")).toBe("deep\nb\ntmpfs");
  });

  test("a tmpfs has its size and mode", async () => {
    const mount = "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770";
    expect(await sh(["--mount", mount], "grep ' /t ' /proc/mounts; stat -c %a /t")).toMatch(
      /^tmpfs \/t tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k.*\n1770$/,
    );
  });

  test("two mounts at one place are refused", async () => {
    const { status, stderr } = await runs(["-v", "one:/d", "-v", "two:/d", "busybox", "true"]);
    expect(status).toBe(125);
    expect(stderr).toContain("Duplicate mount point: /d");
  });

  describe.if(NEWER)("of newer Dockers:", () => {
    test("a part of a volume, which links cannot lead out of", async () => {
      await sh(["-v", "data:/d"], "mkdir -p /d/a/b; echo part >/d/a/b/f; ln -s /etc /d/out; ln -s a/b /d/in");
      const part = (path: string) => `type=volume,src=data,dst=/p,volume-subpath=${path}`;
      expect(await sh(["--mount", part("a/b")], "cat /p/f")).toBe("part");
      expect(await sh(["--mount", part("in")], "cat /p/f")).toBe("part");
      expect(await sh(["--mount", part("a/b/f")], "cat /p")).toBe("part");
      for (const path of ["out", "absent"])
        expect(await sh(["--mount", part(path)], "ls /p")).toMatch(
          /cannot access path .*: no such file or directory/,
        );
      expect(await sh(["--mount", part("../..")], "ls /p")).toContain(
        "subpath must be a relative path within the volume",
      );
    });

    test("an image, whole or in part, read-only", async () => {
      expect(await sh(["--mount", "type=image,src=busybox,dst=/i"], "ls -d /i/bin; touch /i/x")).toMatch(
        /\/i\/bin[\s\S]*Read-only file system/,
      );
      const part = "type=image,src=busybox,dst=/i,image-subpath=etc";
      expect(await sh(["--mount", part], "ls /i")).toBe("group\npasswd");
      expect(await sh(["--mount", "type=image,src=absent,dst=/i"], "true")).toContain(
        "No such image: absent:latest",
      );
      const id = await output(["create", ...NONE, "--mount", part, "declares", "true"]);
      expect(await mountsOf(id)).toContainEqual(
        expect.objectContaining({ Type: "image", Name: "busybox", Destination: "/i", RW: false }),
      );
      const refused = await command(["rmi", "busybox"]);
      expect(refused.stderr).toContain(`container ${id.slice(0, 12)} is using its referenced image`);
    });

    test("cp reaches what is mounted in a container that does not run", async () => {
      const shown = join(host, `shown-${client}`);
      await mkdir(join(shown, "part"), { recursive: true });
      await writeFile(join(shown, "part", "f"), "of the part\n");
      const options = ["-o", "type=none", "-o", `device=${shown}`, "-o", "o=bind"];
      await output(["volume", "create", ...options, "bound"]);
      const mounts = [
        ...["-v", "bound:/whole", "--mount", "type=volume,src=bound,dst=/part,volume-subpath=part"],
        ...["--mount", "type=image,src=busybox,dst=/i,image-subpath=etc"],
      ];
      const id = await output(["create", ...NONE, ...mounts, "busybox", "true"]);
      const copied = async (path: string) => {
        const target = join(host, "copied");
        await output(["cp", `${id}:${path}`, target]);
        return readFile(target, "utf8");
      };
      expect(await copied("/whole/part/f")).toBe("of the part\n");
      expect(await copied("/part/f")).toBe("of the part\n");
      expect(await copied("/i/group")).toContain("extra:x:2000:app");
      await output(["cp", join(host, "copied"), `${id}:/part/new`]);
      expect((await readdir(join(shown, "part"))).sort()).toEqual(["f", "new"]);
      const mounted = await readFile("/proc/self/mountinfo", "utf8");
      expect(mounted).not.toContain(id);
      expect(mounted).not.toContain(join(engine.dataRoot, "volumes"));
    });

    test.each([
      ["type=bind,src=/a,dst=/b,bind-recursive=odd", "invalid value for bind-recursive: odd"],
      [
        "type=bind,src=/a,dst=/b,bind-recursive=writable",
        "requires 'readonly' to be specified in conjunction",
      ],
      ["type=volume,dst=/b,readonly", "must not set ReadOnly mode when using anonymous volumes"],
      ["type=bind,src=/a,dst=/b,image-subpath=x", "cannot mix 'image-*' options with mount type 'bind'"],
    ])("--mount %s is refused", async (mount, sentence) => {
      expect((await runs(["--mount", mount, "busybox", "true"])).stderr).toContain(sentence);
    });
  });
});

test("events tell what becomes of a volume", async () => {
  const since = Math.floor(Date.now() / 1000);
  const id = await engine.output("docker", ["create", ...NONE, "-v", "told:/d:ro", "busybox", "true"]);
  await engine.output("docker", ["start", "-a", id]);
  await engine.output("docker", ["rm", id]);
  await engine.output("docker", ["volume", "rm", "told"]);
  const until = Math.ceil(Date.now() / 1000) + 1;
  const format = "{{.Action}} {{json .Actor}}";
  const filters = ["--filter", "type=volume", "--since", String(since), "--until", String(until)];
  const events = (await engine.output("docker", ["events", ...filters, "--format", format])).split("\n");
  const told = events.filter((line) => line.includes('"ID":"told"'));
  expect(told.map((line) => line.split(" ")[0])).toEqual(["create", "mount", "unmount", "destroy"]);
  expect(JSON.parse(told[1]?.slice("mount ".length) ?? "")).toEqual({
    ID: "told",
    Attributes: {
      container: id,
      destination: "/d",
      driver: "local",
      propagation: "",
      "read/write": "false",
    },
  });
});

test("a mode of the host's directory is left alone", async () => {
  const path = join(host, "private");
  await mkdir(path);
  await chmod(path, 0o700);
  await symlink("private", join(host, "link"));
  await engine.output("docker", ["run", "--rm", ...NONE, "-v", `${host}/link:/etc`, "busybox", "true"]);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});
