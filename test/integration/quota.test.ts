/**
 * `--storage-opt size` on the file systems that can hold to it, in an emulated machine: kernels without project quotas are
 * common, and the host of the tests may have one.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const MAKE = { ext4: "mkfs.ext4 -q -O project,quota -E quotatype=prjquota", xfs: "mkfs.xfs -q" };

/** One daemon on a fresh file system; what is asked of it is printed under names that begin with the file system's. */
function session(type: keyof typeof MAKE): string {
  return `
truncate -s 400M /tmp/${type}.img && ${MAKE[type]} /tmp/${type}.img
mkdir -p /tmp/${type} && mount -t ${type} -o loop,prjquota /tmp/${type}.img /tmp/${type}
fathom daemon --data-root /tmp/${type}/data --exec-root /run/${type} --pidfile /run/${type}.pid -H unix:///run/${type}.sock > /tmp/${type}.log 2>&1 &
export DOCKER_HOST=unix:///run/${type}.sock
for try in $(seq 600); do [ -S /run/${type}.sock ] && break; sleep 0.1; done
tar -C /tmp/image -c . | fathom import - busybox > /dev/null

section ${type}-over
fathom run --network none --name bounded --storage-opt size=4M busybox dd if=/dev/zero of=/big bs=64k count=96 2>&1
section ${type}-again
fathom start -a bounded 2>&1
fathom inspect -f '{{.HostConfig.StorageOpt}}' bounded
section ${type}-below
fathom run --rm --network none --storage-opt size=4M busybox sh -c 'head -c 2000000 /dev/zero > /fits && wc -c < /fits'
section ${type}-unbounded
fathom run --rm --network none busybox sh -c 'head -c 8000000 /dev/zero > /fits && wc -c < /fits'
section ${type}-removed
fathom rm bounded
fathom run --rm --network none --storage-opt size=4M busybox sh -c 'head -c 3000000 /dev/zero > /fits && wc -c < /fits'
`;
}

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /tmp/image/bin && cp /bin/busybox /tmp/image/bin/
for applet in sh dd head wc; do ln -s busybox /tmp/image/bin/$applet; done
${session("ext4")}
${session("xfs")}
`;

describe.skipIf(reason !== undefined)("a bound on what a container writes", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    printed = await runInVm(SESSION, {
      programs: ["/sbin/mkfs.ext4", "/sbin/mkfs.xfs"],
      modules: ["crc32c_generic", "libcrc32c", "quota_tree", "quota_v2", "loop", "overlay", "xfs"],
    });
  }, VM_LIMIT_MS);

  describe.each(["ext4", "xfs"])("on %s", (type) => {
    test("stops a program that writes more", () => {
      expect(printed.get(`${type}-over`)).toMatch(/No space left on device|Disk quota exceeded/);
    });

    // Overlay mounts read-only where it cannot even make its working directories.
    test("holds in the next start, too, and inspect shows it", () => {
      const lines = printed.get(`${type}-again`)?.split("\n") ?? [];
      expect(lines.join()).toMatch(/No space left on device|Disk quota exceeded|Read-only file system/);
      expect(lines.at(-1)).toBe("map[size:4M]");
    });

    test("lets through what fits", () => {
      expect(printed.get(`${type}-below`)).toBe("2000000");
    });

    test("is one container's, not its neighbours'", () => {
      expect(printed.get(`${type}-unbounded`)).toBe("8000000");
      expect(printed.get(`${type}-removed`)).toBe("bounded\n3000000");
    });
  });
});
