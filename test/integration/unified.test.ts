/**
 * Debian's kernel with cgroup v2 alone, in an emulated machine: what most servers are. The engine runs there as a user would
 * run it, and each test reads what its part of the session printed.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
fathom daemon > /tmp/daemon.log 2>&1 &
for try in $(seq 100); do [ -S /run/fathom.sock ] && break; sleep 0.1; done
mkdir -p /tmp/image/bin && cp /bin/busybox /tmp/image/bin/
for applet in sh cat tail sleep true head seq wc; do ln -s busybox /tmp/image/bin/$applet; done
tar -C /tmp/image -c . | fathom import - busybox > /dev/null
run() { fathom run --network none "$@"; }

section info
fathom info
section limits
run --rm --memory 50m --memory-reservation 20m --cpus 0.5 --pids-limit 30 --cpu-shares 512 busybox sh -c '
  cd /sys/fs/cgroup; for file in memory.max memory.low cpu.max pids.max cpu.weight; do echo $file $(cat $file); done'
section namespace
run --rm busybox cat /proc/self/cgroup
section oom
run --name oom --memory 20m --memory-swap 20m busybox tail /dev/zero
echo status $?
fathom inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' oom
section pids
run --rm --pids-limit 5 busybox sh -c 'for i in $(seq 10); do sleep 5 & done; wait' 2>&1
section device
run --rm busybox sh -c 'cat /dev/null && echo null; mknod /tmp-kmsg c 1 11; head -c 1 /tmp-kmsg' 2>&1
section exec
run -d --name sleeper busybox sleep 1000 > /dev/null
fathom exec sleeper cat /proc/self/cgroup
section pause
fathom pause sleeper
cat /sys/fs/cgroup/fathom/*/cgroup.events
fathom unpause sleeper
section stop
fathom rm -f sleeper oom
echo $(find /sys/fs/cgroup/fathom -mindepth 1 -type d | wc -l) groups
section layers
run --name writer busybox sh -c 'echo kept > /file'
fathom start writer && fathom wait writer && fathom logs writer && echo $(cat /var/lib/fathom/containers/*/rw/file)
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("with cgroup v2 alone, on Debian's kernel", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    printed = await runInVm(SESSION, { modules: ["overlay"] });
  }, 300_000);

  test("info says so", () => {
    expect(printed.get("info")).toContain("Cgroup Version: 2");
  });

  test("limits are in the unified hierarchy's files", () => {
    expect(printed.get("limits")?.split("\n")).toEqual([
      "memory.max 52428800",
      "memory.low 20971520",
      "cpu.max 50000 100000",
      "pids.max 30",
      "cpu.weight 59",
    ]);
  });

  test("a container sees its own group as the root, an exec's program too", () => {
    expect(printed.get("namespace")).toBe("0::/");
    expect(printed.get("exec")).toBe("0::/");
  });

  test("a program that eats memory is killed, and the state says why", () => {
    expect(printed.get("oom")?.split("\n").slice(-2)).toEqual(["status 137", "true 137"]);
  });

  test("a fork bomb stops at the limit of processes", () => {
    expect(printed.get("pids")).toContain("can't fork");
  });

  test("a device that is not allowed cannot be opened, whatever node is made of it", () => {
    const lines = printed.get("device")?.split("\n");
    expect(lines?.[0]).toBe("null");
    expect(lines?.[1]).toContain("Operation not permitted");
  });

  test("a paused container's group is frozen", () => {
    expect(printed.get("pause")).toContain("frozen 1");
  });

  test("a removed container leaves no group", () => {
    expect(printed.get("stop")?.split("\n")).toEqual(["sleeper", "oom", "0 groups"]);
  });

  test("an overlay without the newer mount interface keeps what a container wrote", () => {
    expect(printed.get("layers")).toContain("kept");
  });

  test("the daemon has nothing to complain about", () => {
    expect(printed.get("log")).not.toMatch(/level=(?:error|warn)/);
  });
});
