/**
 * Debian's kernel with cgroup v2 alone, in an emulated machine: what most servers are. The engine runs there as a user would
 * run it, and each test reads what its part of the session printed.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
# As systemd has it: the engine in a group of its own, and nothing passed down yet.
mkdir -p /sys/fs/cgroup/system.slice/fathom.service
echo $$ > /sys/fs/cgroup/system.slice/fathom.service/cgroup.procs
engine
busybox_image
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
section update
id=$(run -d --name changed --memory 100m --cpus 1 busybox sleep 1000)
fathom update --memory 60m --memory-swap 90m --memory-reservation 30m --cpus 0.25 --cpu-shares 2048 --cpuset-cpus 1 --cpuset-mems 0 --pids-limit 44 --blkio-weight 300 changed
cd /sys/fs/cgroup/fathom/$id
for file in memory.max memory.swap.max memory.low cpu.max cpu.weight cpuset.cpus cpuset.mems pids.max io.weight; do echo $file $(cat $file); done
cd /
section stats
fathom stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' changed
section parents
run --rm --cgroup-parent /mine/deep --cgroupns host busybox cat /proc/self/cgroup | cut -c 1-14
run --rm --cgroup-parent /system.slice/fathom.service busybox true 2>&1
section nested
run -d --privileged --name init busybox sh -c 'cd /sys/fs/cgroup && mkdir init && echo 1 > init/cgroup.procs && echo +memory +pids > cgroup.subtree_control && echo ready; sleep 1000' > /dev/null
for try in $(seq 400); do fathom logs init | grep -q ready && break; sleep 0.1; done
fathom exec init cat /proc/self/cgroup
fathom pause init && fathom unpause init && fathom rm -f init
section lives
fathom events --filter event=oom --format '{{.Actor.Attributes.name}} {{.Action}}' > /tmp/events 2> /dev/null &
run -d --name wounded --memory 20m --memory-swap 20m busybox sh -c 'tail /dev/zero; echo went on; sleep 1000' > /dev/null
for try in $(seq 400); do [ -s /tmp/events ] && break; sleep 0.1; done
cat /tmp/events; fathom inspect -f '{{.State.Status}}' wounded
section killed
kill -9 $daemon; rm -f /run/fathom.sock
engine
fathom exec changed echo found again
fathom rm -f changed wounded
section layers
run --name writer busybox sh -c 'echo kept > /file'
fathom start writer && fathom wait writer && fathom logs writer && echo $(cat /var/lib/fathom/containers/*/rw/file)
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("with cgroup v2 alone, on Debian's kernel", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    printed = await runInVm(SESSION, { modules: ["overlay", "nf_tables"] });
  }, VM_LIMIT_MS);

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

  test("update changes them while the container runs", () => {
    expect(printed.get("update")?.split("\n")).toEqual([
      "changed",
      "memory.max 62914560",
      "memory.swap.max 31457280",
      "memory.low 31457280",
      "cpu.max 25000 100000",
      "cpu.weight 174",
      "cpuset.cpus 1",
      "cpuset.mems 0",
      "pids.max 44",
      "io.weight default 2930",
    ]);
  });

  test("statistics have the limit that holds now", () => {
    expect(printed.get("stats")).toMatch(/^changed [\d.]+KiB \/ 60MiB 1$/);
  });

  test("a parent group that holds processes itself is refused in words, another is made", () => {
    const [made, ...refused] = printed.get("parents")?.split("\n") ?? [];
    expect(made).toBe("0::/mine/deep/");
    expect(refused.join()).toContain(
      "processes run in the control group /sys/fs/cgroup/system.slice/fathom.service itself, so no limited group can be below it",
    );
  });

  test("an exec goes where the container's init system has moved everything", () => {
    expect(printed.get("nested")?.split("\n")).toEqual(["0::/init", "init", "init", "init"]);
  });

  test("a want of memory that the container outlives is an event", () => {
    expect(printed.get("lives")?.split("\n").slice(-2)).toEqual(["wounded oom", "running"]);
  });

  test("a container outlives the daemon that is killed, and the next one goes on with it", () => {
    expect(printed.get("killed")?.split("\n")).toEqual(["found again", "changed", "wounded"]);
  });

  test("an overlay without the newer mount interface keeps what a container wrote", () => {
    expect(printed.get("layers")).toContain("kept");
  });

  test("the daemon has nothing else to complain about", () => {
    const complaints = printed.get("log")?.match(/level=(?:error|warn).*/g) ?? [];
    expect(complaints.filter((line) => !line.includes("processes run in the control group"))).toEqual([]);
  });
});
