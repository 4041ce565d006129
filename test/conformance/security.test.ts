/** What `--security-opt`, capabilities, devices and their like give a container and take from it. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs } = commandLine(client, () => engine);
  const sh = async (flags: string[], script: string) =>
    (await runs([...flags, "busybox", "sh", "-c", script])).stdout.trimEnd();
  const status = (flags: string[], field: string) =>
    sh(flags, `grep '^${field}:' /proc/self/status | cut -f2`);

  describe("--security-opt", () => {
    test("no-new-privileges forbids gaining privileges", async () => {
      expect(await status([], "NoNewPrivs")).toBe("0");
      for (const option of ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"])
        expect(await status(["--security-opt", option], "NoNewPrivs")).toBe("1");
      expect(await status(["--security-opt", "no-new-privileges=false"], "NoNewPrivs")).toBe("0");
    });
    test("seccomp takes a profile's file, unconfined and the default", async () => {
      const profile = join(engine.root, "profile.json");
      const names = ["mkdir", "mkdirat"];
      const syscalls = [{ names, action: "SCMP_ACT_ERRNO" }];
      await writeFile(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
      expect(await status([], "Seccomp")).toBe("2");
      expect(await status(["--security-opt", "seccomp=unconfined"], "Seccomp")).toBe("0");
      const refused = await runs(["--security-opt", `seccomp=${profile}`, "busybox", "mkdir", "/new"]);
      expect(refused.stderr).toContain("mkdir: can't create directory '/new': Operation not permitted");
      const { stderr } = await runs(["--security-opt", "seccomp=/no/such", "busybox", "true"]);
      expect(stderr).toContain(
        "opening seccomp profile (/no/such) failed: open /no/such: no such file or directory",
      );
    });
    test("systempaths=unconfined hides nothing and makes nothing read-only", async () => {
      const script = "grep -c ' /proc' /proc/mounts; wc -c </proc/keys";
      expect((await sh([], script)).split("\n")[1]).toBe("0");
      const [mounts, keys] = (await sh(["--security-opt", "systempaths=unconfined"], script)).split("\n");
      expect(mounts).toBe("1");
      expect(Number(keys)).toBeGreaterThan(0);
      const id = await output([
        "create",
        ...NONE,
        "--security-opt",
        "systempaths=unconfined",
        "busybox",
        "true",
      ]);
      const shown =
        "{{json .HostConfig.MaskedPaths}} {{json .HostConfig.ReadonlyPaths}} {{json .HostConfig.SecurityOpt}}";
      expect(await output(["inspect", "-f", shown, id])).toMatch(/^\[\] \[\] (null|\[\])$/);
    });
    test("apparmor and labels are for kernels that have those, and pass where this one has not", async () => {
      const options = [
        "apparmor=unconfined",
        "apparmor=some-profile",
        "label=type:svirt_lxc_net_t",
        "label=disable",
      ];
      for (const option of options) expect(await sh(["--security-opt", option], "echo runs")).toBe("runs");
    });
    test("refuses what nobody knows", async () => {
      const { stderr } = await runs(["--security-opt", "foo=bar", "busybox", "true"]);
      expect(stderr).toContain('invalid --security-opt 2: "foo=bar"');
    });
  });

  describe("capabilities", () => {
    test("by default are Docker's fourteen, of which a user other than root starts with none", async () => {
      expect(await status([], "CapEff")).toBe("00000000a80425fb");
      expect(await status(["--user", "1000"], "CapEff")).toBe("0000000000000000");
      expect(await status(["--user", "1000"], "CapBnd")).toBe("00000000a80425fb");
      expect(await status(["--user", "1000"], "CapAmb")).toBe("0000000000000000");
    });
    test("are added and dropped by name, all at once too", async () => {
      expect(await status(["--cap-drop", "ALL"], "CapEff")).toBe("0000000000000000");
      expect(await status(["--cap-drop", "ALL", "--cap-add", "net_admin"], "CapEff")).toBe(
        "0000000000001000",
      );
      expect(await status(["--cap-add", "CAP_SYS_PTRACE", "--cap-drop", "MKNOD"], "CapBnd")).toBe(
        "00000000a00c25fb",
      );
      const { stderr } = await runs(["--cap-add", "fly", "busybox", "true"]);
      expect(stderr).toContain('invalid CapAdd: unknown capability: "CAP_FLY"');
    });
  });

  describe("devices", () => {
    test("one of the host is given under another name, with the rights that were asked for", async () => {
      const script = "ls -l /dev/nil | cut -c1; echo x >/dev/nil && echo writes; cat /dev/nil && echo reads";
      expect(await sh(["--device", "/dev/loop-control:/dev/nil:m"], script)).toBe("c");
      const refused = await runs(["--device", "/no/such", "busybox", "true"]);
      expect(refused.stderr).toContain(
        'error gathering device information while adding custom device "/no/such": no such file or directory',
      );
    });
    test("a directory of the host gives all that are in it", async () => {
      expect(await sh(["--device", "/dev/net"], "ls -l /dev/net/tun | cut -c1")).toBe("c");
    });
    test("a rule allows devices that are made inside", async () => {
      const script = "mknod /dev/loops c 10 237 && : </dev/loops && echo opens";
      expect(await sh([], script)).toBe("");
      expect(await sh(["--device-cgroup-rule", "c 10:237 r"], script)).toBe("opens");
    });
  });

  test("--read-only leaves nothing to write but what is mounted", async () => {
    const script = "touch /x || touch /etc/hosts || touch /bin/y || echo nothing; touch /tmp/z && echo tmpfs";
    expect(await sh(["--read-only", "--tmpfs", "/tmp"], script)).toBe("nothing\ntmpfs");
  });

  test("--sysctl sets what belongs to a namespace, and nothing else", async () => {
    const flags = ["--sysctl", "net.ipv4.ip_default_ttl=33", "--sysctl", "kernel.msgmax=9000"];
    expect(await sh(flags, "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax")).toBe("33\n9000");
    const { status: code, stderr } = await runs(["--sysctl", "vm.swappiness=1", "busybox", "true"]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/sysctl 'vm\.swappiness(=1)?' is not allowed/);
  });

  // Docker's own --privileged fails on a host whose root may not raise limits.
  test.skipIf(ON_DOCKER)("--privileged gives all there is, and --cap-drop does not change that", async () => {
    const script =
      "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; grep -c ' /proc' /proc/mounts; touch /sys/fs/cgroup/x 2>&1 | grep -c Read-only; ls /dev | wc -l";
    const [noNew, seccomp, mounts, readOnly, devices] = (
      await sh(["--privileged", "--cap-drop", "ALL"], script)
    ).split("\n");
    expect([noNew, seccomp, mounts, readOnly]).toEqual(["NoNewPrivs:\t0", "Seccomp:\t0", "1", "0"]);
    expect(Number(devices)).toBeGreaterThan(20);
    const own = /^CapEff:\s*(\w+)/m.exec(await Bun.file("/proc/self/status").text())?.[1];
    expect(await status(["--privileged"], "CapEff")).toBe(own ?? "");
    expect((await command(["ps", "-q"])).stdout).toBe("");
  });
});
