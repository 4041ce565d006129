/** Files in and out of containers from the command line: cp, diff, export, commit, container prune. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, FATHOM, run, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
/** This host's files of one test. */
let here: string;

beforeAll(async () => {
  engine = await startEngine();
});
beforeEach(async () => {
  here = await mkdtemp("/tmp/fathom-test-files-");
  await mkdir(join(here, "src", "sub"), { recursive: true });
  await writeFile(join(here, "file"), "one\n");
  await writeFile(join(here, "src", "a"), "two\n");
  await writeFile(join(here, "src", "sub", "b"), "three\n");
  await symlink("file", join(here, "link"));
  await symlink("src", join(here, "dirlink"));
});
afterEach(async () => {
  await rm(here, { recursive: true, force: true });
  await engine.removeContainers();
});
afterAll(() => engine[Symbol.asyncDispose]());

const text = (path: string) => readFile(join(here, path), "utf8");
const names = async (path: string) => (await readdir(join(here, path), { recursive: true })).sort();

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, started } = commandLine(client, () => engine);
  const running = () => started(["busybox", "sleep", "600"]);
  const created = (...flags: string[]) => output(["create", ...NONE, ...flags, "busybox", "sleep", "600"]);
  const inside = (id: string, script: string) => output(["exec", id, "sh", "-c", script]);
  /** What the command says when it fails, without what it logs. */
  const refusal = async (args: string[]) => {
    const { status, stderr } = await command(args);
    expect(status).toBe(1);
    return stderr.split("\n").filter((line) => !line.startsWith("time="))[0];
  };

  describe("cp to a container", () => {
    test("puts a file into a directory, or in the place of a name", async () => {
      const id = await running();
      await output(["cp", join(here, "file"), `${id}:/tmp/`]);
      await output(["cp", join(here, "file"), `${id}:/tmp/other`]);
      await output(["cp", join(here, "src", "a"), `${id}:tmp/other`]);
      expect(await inside(id, "cat /tmp/file /tmp/other")).toBe("one\ntwo");
    });

    test("puts a directory into one that is there, and under a new name where none is", async () => {
      const id = await running();
      await output(["cp", join(here, "src"), `${id}:/tmp`]);
      await output(["cp", join(here, "src"), `${id}:/tmp/new`]);
      await output(["cp", `${join(here, "src")}/.`, `${id}:/tmp/content`]);
      await output(["cp", `${join(here, "src")}/.`, `${id}:/home`]);
      expect(await inside(id, "cd /; find tmp home -type f | sort")).toBe(
        ["home/a", "home/sub/b", "tmp/content/a", "tmp/content/sub/b", "tmp/new/a", "tmp/new/sub/b"]
          .concat(["tmp/src/a", "tmp/src/sub/b"])
          .join("\n"),
      );
    });

    test("keeps links, modes and owners; -L follows a link", async () => {
      const id = await running();
      // Docker 20.10 loses the setuid bit.
      await chmod(join(here, "src", "a"), ON_DOCKER ? 0o751 : 0o4751);
      await link(join(here, "src", "a"), join(here, "src", "hard"));
      await run(["chown", "1000:2000", join(here, "file")]);
      await output(["cp", join(here, "link"), `${id}:/tmp/kept`]);
      await output(["cp", "-L", join(here, "link"), `${id}:/tmp/followed`]);
      await output(["cp", "-L", join(here, "dirlink"), `${id}:/tmp`]);
      await output(["cp", join(here, "src"), `${id}:/tmp`]);
      expect(await inside(id, "readlink /tmp/kept; stat -c '%u:%g' /tmp/followed; ls /tmp/dirlink")).toBe(
        "file\n1000:2000\na\nhard\nsub",
      );
      expect(await inside(id, "stat -c '%a %h' /tmp/src/a")).toBe(ON_DOCKER ? "751 2" : "4751 2");
    });

    test("follows links in the container, inside its root", async () => {
      const id = await running();
      await inside(id, "mkdir /real; ln -s /real /way; ln -s /../../real/new /file; ln -s way /tmp/relative");
      await output(["cp", join(here, "file"), `${id}:/way/`]);
      await output(["cp", join(here, "file"), `${id}:/file`]);
      expect(await inside(id, "ls /real; test -L /file && echo link")).toBe("file\nnew\nlink");
    });

    test("takes an archive from standard input", async () => {
      const id = await running();
      const { stdout: base64 } = await run(["sh", "-c", "tar cf - file src | base64 -w0"], { cwd: here });
      const input = Buffer.from(base64, "base64");
      await output(["cp", "-", `${id}:/tmp`], { input });
      expect(await inside(id, "cat /tmp/file /tmp/src/sub/b")).toBe("one\nthree");
      expect(await command(["cp", "-", `${id}:/tmp/file`], { input })).toMatchObject({
        status: 1,
        stderr: `destination "${id}:/tmp/file" must be a directory\n`,
      });
    });

    test("works with one that was never started, that is paused and that has ended", async () => {
      const id = await created();
      await output(["cp", join(here, "file"), `${id}:/tmp/before`]);
      await output(["start", id]);
      expect(await inside(id, "cat /tmp/before")).toBe("one");
      await output(["pause", id]);
      await output(["cp", join(here, "file"), `${id}:/tmp/paused`]);
      await output(["unpause", id]);
      expect(await inside(id, "cat /tmp/paused")).toBe("one");
      await output(["kill", id]);
      await output(["cp", join(here, "file"), `${id}:/tmp/after`]);
      await output(["start", id]);
      expect(await inside(id, "cat /tmp/before /tmp/paused /tmp/after")).toBe("one\none\none");
    });

    test("goes through what is mounted, whether or not it runs", async () => {
      await mkdir(join(here, "bound"));
      const id = await created("-v", `${join(here, "bound")}:/mnt/bound`);
      await output(["cp", join(here, "file"), `${id}:/mnt/bound/stopped`]);
      await output(["start", id]);
      await output(["cp", join(here, "file"), `${id}:/mnt/bound/running`]);
      expect(await names("bound")).toEqual(["running", "stopped"]);
    });

    test("is refused where it is read-only, and goes where it is not", async () => {
      await mkdir(join(here, "bound"));
      const bound = join(here, "bound");
      const id = await created("--read-only", "-v", `${bound}:/rw`, "-v", `${bound}:/ro:ro`);
      for (const state of ["stopped", "running"]) {
        if (state === "running") await output(["start", id]);
        expect(await refusal(["cp", join(here, "file"), `${id}:/tmp`])).toBe(
          "Error response from daemon: container rootfs is marked read-only",
        );
        expect(await refusal(["cp", join(here, "file"), `${id}:/ro`])).toBe(
          "Error response from daemon: mounted volume is marked read-only",
        );
        await output(["cp", join(here, "file"), `${id}:/rw/${state}`]);
      }
      expect(await names("bound")).toEqual(["running", "stopped"]);
    });

    test("is refused where both ends do not go together", async () => {
      const id = await running();
      await inside(id, "mkdir -p /t/file; echo x >/t/src");
      const file = join(here, "file");
      const src = join(here, "src");
      expect(await refusal(["cp", file, `${id}:/no/where`])).toBe(
        `Error response from daemon: Could not find the file /no in container ${id}`,
      );
      expect(await refusal(["cp", file, `${id}:/tmp/new/`])).toBe("no such directory");
      expect(await refusal(["cp", src, `${id}:/t/src`])).toBe("cannot copy directory");
      // Docker 20.10 says before it which helper failed.
      expect(await refusal(["cp", src, `${id}:/t`])).toEndWith(
        'cannot overwrite non-directory "/t/src" with directory "/t"',
      );
      expect(await refusal(["cp", file, `${id}:/t`])).toEndWith(
        'cannot overwrite directory "/t/file" with non-directory "/t"',
      );
      expect(await refusal(["cp", join(here, "absent"), `${id}:/`])).toBe(
        `lstat ${join(here, "absent")}: no such file or directory`,
      );
      expect(await refusal(["cp", file, "absent:/x"])).toBe(
        "Error response from daemon: No such container: absent",
      );
      expect(await refusal(["cp", "a", "b"])).toBe("must specify at least one container source");
      expect(await refusal(["cp", `${id}:/a`, `${id}:/b`])).toBe(
        "copying between containers is not supported",
      );
    });

    // Docker 20.10 looks the user up on the host.
    test.if(!ON_DOCKER)("-a gives what is copied to the container's user", async () => {
      const id = await started(["-u", "app", "busybox", "sleep", "600"]);
      await output(["cp", "-a", join(here, "src"), `${id}:/tmp`]);
      expect(await inside(id, "stat -c '%u:%g' /tmp/src/a")).toBe("1000:1000");
    });
  });

  describe("cp from a container", () => {
    test("gives a file into a directory, or in the place of a name", async () => {
      const id = await running();
      await output(["cp", `${id}:/etc/passwd`, join(here, "src")]);
      await output(["cp", `${id}:/etc/passwd`, join(here, "copy")]);
      await output(["cp", `${id}:/etc/group`, join(here, "file")]);
      expect(await text("src/passwd")).toContain("root:x:0:0");
      expect(await text("copy")).toContain("root:x:0:0");
      expect(await text("file")).toContain("extra:x:2000:app");
    });

    test("gives a directory, or what is in it, with links, modes and times", async () => {
      const id = await running();
      await inside(id, "mkdir -p /d/sub; echo x >/d/f; ln /d/f /d/h; ln -s f /d/l; chmod 4711 /d/f");
      await inside(id, "touch -d '2020-01-02 03:04:05' /d/f; mkfifo /d/pipe");
      await output(["cp", `${id}:/d`, join(here, "src")]);
      await output(["cp", `${id}:/d/.`, join(here, "content")]);
      expect(await names("content")).toEqual(["f", "h", "l", "pipe", "sub"]);
      expect(await names("src")).toEqual(
        ["a", "d", "d/f", "d/h", "d/l", "d/pipe", "d/sub", "sub", "sub/b"].sort(),
      );
      const found = await lstat(join(here, "content", "f"));
      expect({ mode: found.mode & 0o7777, links: found.nlink, time: found.mtime.toISOString() }).toEqual({
        mode: 0o4711,
        links: 2,
        time: "2020-01-02T03:04:05.000Z",
      });
      expect(await readlink(join(here, "content", "l"))).toBe("f");
    });

    test("keeps a link at the end of the path; -L and a slash follow it", async () => {
      const id = await running();
      await inside(id, "mkdir /d; echo x >/d/f; ln -s /d /dl; ln -s f /d/l; ln -s /nowhere /broken");
      await output(["cp", `${id}:/d/l`, join(here, "kept")]);
      await output(["cp", "-L", `${id}:/d/l`, join(here, "src")]);
      await output(["cp", `${id}:/dl/`, join(here, "src")]);
      await output(["cp", "-L", `${id}:/dl`, join(here, "followed")]);
      await output(["cp", `${id}:/broken`, join(here, "broken")]);
      expect(await readlink(join(here, "kept"))).toBe("f");
      expect(await text("src/l")).toBe("x\n");
      expect(await names("src/dl")).toEqual(["f", "l"]);
      expect(await names("followed")).toEqual(["f", "l"]);
      expect(await readlink(join(here, "broken"))).toBe("/nowhere");
      expect(await refusal(["cp", "-L", `${id}:/broken`, join(here, "gone")])).toBe(
        `Error response from daemon: Could not find the file /nowhere in container ${id}`,
      );
    });

    test("gives an archive to standard output", async () => {
      const id = await running();
      await inside(id, "mkdir /d; echo x >/d/f; ln -s f /d/l");
      const script = `"$0" cp "$1" - | tar tf -`;
      const listed = async (path: string) =>
        (
          await run(["sh", "-c", script, client === "docker" ? "docker" : FATHOM, `${id}:${path}`], {
            env: hostEnv(),
          })
        ).stdout;
      expect(await listed("/d")).toBe("d/\nd/f\nd/l\n");
      expect(await listed("/d/.")).toBe("./\n./f\n./l\n");
      expect(await listed("/d/f")).toBe("f\n");
    });

    test("names what is not there", async () => {
      const id = await running();
      expect(await refusal(["cp", `${id}:/absent`, here])).toBe(
        `Error response from daemon: Could not find the file /absent in container ${id}`,
      );
      expect(await refusal(["cp", `${id}:/etc/passwd`, join(here, "no", "where")])).toBe(
        `invalid output path: directory "${join(here, "no")}" does not exist`,
      );
      expect(await refusal(["cp", `${id}:/etc`, join(here, "file")])).toBe("cannot copy directory");
    });

    test("carries a large file as it is, both ways", async () => {
      const id = await running();
      const bytes = Buffer.alloc(24 << 20, "0123456789abcdef-");
      await writeFile(join(here, "large"), bytes);
      await output(["cp", join(here, "large"), `${id}:/large`]);
      await output(["cp", `${id}:/large`, join(here, "back")]);
      expect(Buffer.compare(await readFile(join(here, "back")), bytes)).toBe(0);
    });
  });

  describe("diff, export and commit", () => {
    const SCRIPT =
      "mkdir -p /d/sub; echo hi >/d/f; ln /d/f /d/h; ln -s f /d/l; chmod 4755 /d/f; echo more >>/etc/passwd; " +
      "rm /bad/plain; mknod /node c 1 3; touch -d '2020-01-02 03:04:05' /d/f; rm -r /var; mkdir /var; echo new >/var/new";

    test("diff lists what was added, changed and removed, and nothing that the engine made", async () => {
      const id = await running();
      expect(await output(["diff", id])).toBe("");
      await inside(id, SCRIPT);
      const lines = (await output(["diff", id])).split("\n").sort();
      expect(lines).toEqual(
        [
          "A /d",
          "A /d/f",
          "A /d/h",
          "A /d/l",
          "A /d/sub",
          "A /node",
          "A /var/new",
          "C /bad",
          "C /etc",
        ].concat(["C /etc/passwd", "C /var", "D /bad/plain"]),
      );
    });

    test("export writes the whole root, without what is mounted in it", async () => {
      await mkdir(join(here, "bound"));
      await writeFile(join(here, "bound", "mine"), "");
      const id = await started(["-v", `${join(here, "bound")}:/bound`, "busybox", "sleep", "600"]);
      await inside(id, SCRIPT);
      await output(["export", "-o", join(here, "root.tar"), id]);
      const { stdout } = await run(["tar", "tf", join(here, "root.tar")]);
      const entries = stdout.split("\n");
      expect(entries).toContain("d/f");
      expect(entries).toContain("bound/");
      expect(entries).toContain("proc/");
      expect(entries).toContain("node");
      expect(entries).not.toContain("bad/plain");
      expect(entries.filter((path) => /^(bound|proc|sys)\/./.test(path))).toEqual([]);
    });

    test("commit makes an image that runs, with what was written and changed", async () => {
      const id = await running();
      await inside(id, SCRIPT);
      const changes = [
        "ENV A=b",
        'CMD ["cat", "/d/f"]',
        "LABEL k=v",
        "EXPOSE 80",
        "WORKDIR /d",
        "USER app",
      ].concat([
        // Newer than Docker 20.10.
        ...(ON_DOCKER ? [] : ["STOPSIGNAL SIGINT"]),
        "VOLUME /v",
        "ONBUILD RUN x",
        'ENTRYPOINT ["env"]',
        "HEALTHCHECK --interval=3s CMD true",
      ]);
      const flags = changes.flatMap((change) => ["-c", change]);
      const image = await output(["commit", "-a", "Me", "-m", "why", ...flags, id, `made-${client}:1`]);
      expect(image).toMatch(/^sha256:[0-9a-f]{64}$/);
      const format =
        "{{.Author}} {{.Comment}} {{json .Config.Env}} {{json .Config.Cmd}} {{.Config.Labels.k}} {{json .Config.ExposedPorts}} " +
        "{{.Config.WorkingDir}} {{.Config.User}} {{json .Config.Volumes}} {{json .Config.OnBuild}} " +
        "{{json .Config.Entrypoint}} {{json .Config.Healthcheck.Test}} {{len .RootFS.Layers}}";
      const shown = await output(["image", "inspect", "-f", format, `made-${client}:1`]);
      expect(shown).toBe(
        'Me why ["A=b"] ["cat","/d/f"] v {"80/tcp":{}} /d app {"/v":{}} ["RUN x"] ["env"] ' +
          '["CMD-SHELL","true"] 2',
      );
      const script =
        "cat /d/f; stat -c '%a %h %Y' /d/f; readlink /d/l; ls /bad /var; tail -n 1 /etc/passwd; stat -c '%t %T' /node";
      const entry = ["--entrypoint", "sh", "-u", "root"];
      const ran = await output(["run", "--rm", ...NONE, ...entry, `made-${client}:1`, "-c", script]);
      expect(ran).toBe("hi\n4755 2 1577934245\nf\n/bad:\narchitecture\ninterpreter\n\n/var:\nnew\nmore\n1 3");
    });

    test("a container of a committed image has changed nothing yet", async () => {
      const id = await running();
      await inside(id, SCRIPT);
      const image = await output(["commit", id]);
      const next = await started([image, "sleep", "600"]);
      expect(await output(["diff", next])).toBe("");
    });

    test("commit of what has not changed adds no layer", async () => {
      const id = await created();
      const image = await output(["commit", id]);
      expect(
        await output(["image", "inspect", "-f", "{{len .RootFS.Layers}} {{json .Config.Cmd}}", image]),
      ).toBe('1 ["sleep","600"]');
    });

    test("commit lets the container go on, and what is wrong is refused", async () => {
      const id = await running();
      await output(["commit", id]);
      expect(await output(["inspect", "-f", "{{.State.Status}}", id])).toBe("running");
      await output(["commit", "--pause=false", id]);
      expect(await refusal(["commit", "-c", "FROM x", id])).toMatch(/is not a valid change command$/i);
      expect(await refusal(["commit", id, "Upper"])).toMatch(/must be lowercase$/);
      expect(await refusal(["commit", "absent"])).toBe(
        "Error response from daemon: No such container: absent",
      );
    });
  });

  describe("container prune", () => {
    test("takes away what does not run, with what it wrote", async () => {
      const up = await running();
      const ended = await started(["busybox", "sh", "-c", "head -c 3000 /dev/zero >/z"]);
      await output(["wait", ended]);
      const idle = await created();
      const pruned = await output(["container", "prune", "-f"]);
      const [first, ...ids] = pruned.split("\n\n")[0]?.split("\n") ?? [];
      expect(first).toBe("Deleted Containers:");
      expect(ids.sort()).toEqual([ended, idle].sort());
      expect(pruned).toEndWith("\n\nTotal reclaimed space: 3kB");
      await eventually("one is left", async () => (await output(["ps", "-aq", "--no-trunc"])) === up);
      expect(await output(["container", "prune", "-f"])).toBe("Total reclaimed space: 0B");
    });

    test("takes what the filters choose", async () => {
      const plain = await created();
      const labelled = await created("--label", "k=v");
      expect(await output(["container", "prune", "-f", "--filter", "until=1h"])).toBe(
        "Total reclaimed space: 0B",
      );
      expect(await output(["container", "prune", "-f", "--filter", "label=k=v"])).toContain(labelled);
      const kept = await created("--label", "keep");
      expect(await output(["container", "prune", "-f", "--filter", "label!=keep"])).toContain(plain);
      expect(await output(["ps", "-aq", "--no-trunc"])).toBe(kept);
      expect(await refusal(["container", "prune", "-f", "--filter", "name=x"])).toMatch(
        /invalid filter 'name'/i,
      );
    });
  });
});

function hostEnv(): Record<string, string> {
  return { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: join(engine.root, "client") };
}
