/**
 * Debian's kernel again, with a disk: devices allowed by BPF, limits of block I/O with a real writer, volumes, and a user namespace over
 * layers that are mapped when they are mounted (overlay has that since Linux 5.19, tmpfs since 6.3, so the data lie on ext4).
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
truncate -s 200M /tmp/disk && mkfs.ext4 -q /tmp/disk
mkdir -p /var/lib/fathom && mount -o loop /tmp/disk /var/lib/fathom
truncate -s 8M /tmp/slow && losetup /dev/loop7 /tmp/slow
printf 'root:x:0:0::/:/bin/sh\\nremap:x:1000:1000::/:/bin/sh\\n' > /etc/passwd
printf 'root:x:0:\\nremap:x:1000:\\n' > /etc/group
echo remap:100000:65536 | tee /etc/subuid > /etc/subgid
engine --userns-remap remap
busybox_image
run() { fathom run --rm --network none --userns host "$@"; }

section devices
run busybox sh -c 'mknod /d b 7 7; head -c 1 /d | wc -c' 2>&1
run --device-cgroup-rule 'b 7:* rm' busybox sh -c 'mknod /d b 7 7; head -c 1 /d | wc -c; true > /d' 2>&1
run --device /dev/loop7:/dev/mine:r busybox sh -c 'head -c 1 /dev/mine | wc -c; true > /dev/mine' 2>&1
run --privileged busybox sh -c 'head -c 1 /dev/loop7 | wc -c'
section rate
run --device /dev/loop7 --device-write-bps /dev/loop7:1mb busybox sh -c '
  cat /sys/fs/cgroup/io.max; from=$(cut -d. -f1 /proc/uptime)
  dd if=/dev/zero of=/dev/loop7 bs=256k count=12 oflag=direct 2> /dev/null
  [ $(($(cut -d. -f1 /proc/uptime) - from)) -ge 2 ] && echo held back'
section volumes
run -v vol:/etc busybox sh -c 'echo kept > /etc/file'
run -v vol:/data:ro busybox sh -c 'cat /data/file; echo > /data/other' 2>&1
section mapped
fathom run -d --network none --name mapped busybox sh -c 'echo > /made; sleep 1000' > /dev/null
fathom exec mapped sh -c 'id -u; stat -c %u /bin/busybox /made; echo $(cat /proc/self/uid_map)'
stat -c %u /var/lib/fathom/containers/*/rw/made
section delegated
fathom run --rm --network none --security-opt writable-cgroups=true busybox sh -c '
  cd /sys/fs/cgroup && mkdir init && echo 1 > init/cgroup.procs && echo +pids > cgroup.subtree_control && ls init/pids.max
  stat -c %u . cgroup.procs memory.max; { echo 5 > pids.max; } 2> /dev/null || echo kept' 2>&1
section shim
shim=$(grep PPid /proc/$(fathom inspect -f '{{.State.Pid}}' mapped)/status | grep -o '[0-9]*')
kill -9 $shim
for try in $(seq 400); do [ "$(fathom inspect -f '{{.State.Status}}' mapped)" = exited ] && break; sleep 0.1; done
fathom inspect -f '{{.State.Status}} {{.State.ExitCode}}' mapped
echo $(find /sys/fs/cgroup/fathom -mindepth 1 -type d | wc -l) groups
grep -c ^overlay /proc/mounts
`;

describe.skipIf(reason !== undefined)("with disks, on Debian's kernel", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    const programs = ["/sbin/mkfs.ext4"];
    printed = await runInVm(SESSION, { modules: ["overlay", "loop", "crc32c_generic"], programs });
  }, VM_LIMIT_MS);

  test("a device is refused, allowed to be read by a rule or by its mode, and all are a privileged container's", () => {
    const lines = printed.get("devices")?.split("\n") ?? [];
    const told = lines.map((line) => (line.includes("Operation not permitted") ? "refused" : line));
    expect(told).toEqual(["refused", "0", "1", "refused", "1", "refused", "1"]);
  });

  test("a writer is held to its bytes a second", () => {
    const [limit, result] = printed.get("rate")?.split("\n") ?? [];
    expect(limit).toBe("7:7 rbps=max wbps=1048576 riops=max wiops=max");
    expect(result).toBe("held back");
  });

  test("a volume keeps what was written, and read-only refuses more", () => {
    const [kept, refused] = printed.get("volumes")?.split("\n") ?? [];
    expect(kept).toBe("kept");
    expect(refused).toContain("Read-only file system");
  });

  test("a user namespace sees the image's files as root's, and writes as somebody else on the host", () => {
    expect(printed.get("mapped")?.split("\n")).toEqual(["0", "0", "0", "0 100000 65536", "100000"]);
  });

  test("of a container whose shim is killed nothing is left running or mounted", () => {
    expect(printed.get("shim")?.split("\n")).toEqual(["exited 255", "0 groups", "0"]);
  });

  test("a mapped root makes groups in its own, and cannot change its own limits", () => {
    expect(printed.get("delegated")?.split("\n")).toEqual(["init/pids.max", "0", "0", "65534", "kept"]);
  });
});
