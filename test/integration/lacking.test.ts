/**
 * Hosts that lack something: in an emulated machine, parts of the kernel are loaded one after another, and each that is not there yet
 * is named by the sentence that a user reads.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const NETWORK_PARTS = ["nft_masq", "nft_ct", "nft_chain_nat", "nft_nat", "nft_fib_inet", "nft_reject_inet"];
const RATE_PARTS = ["ifb", "sch_tbf", "sch_ingress", "cls_u32", "act_mirred"];

const SESSION = `
export DOCKER_HOST=unix:///run/fathom.sock
section cgroups
fathom daemon 2>&1
echo $?
fathom doctor
mount -t cgroup2 cgroup /sys/fs/cgroup
engine
busybox_image
section overlay
fathom run --rm --network none busybox true 2>&1
modprobe overlay
fathom run --rm --network none busybox echo runs
section bridge
fathom run --rm busybox true 2>&1
modprobe bridge
section veth
fathom run --rm busybox true 2>&1
modprobe veth
section rules
fathom run --rm busybox echo runs
grep -o 'level=warn.*' /tmp/daemon.log
for part in nf_tables ${NETWORK_PARTS.join(" ")}; do modprobe $part; done
section rate
fathom run --rm --network-rate 1mbit busybox true 2>&1
for part in ${RATE_PARTS.join(" ")}; do modprobe $part; done
fathom run --rm --network-rate 1mbit busybox echo runs
ip -o link | grep -c veth
kill $daemon
wait $daemon
section initramfs
in_initramfs sh -c '
mount -t devtmpfs dev /dev; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup /sys/fs/cgroup
for at in /tmp /run /var/lib; do mount -t tmpfs tmpfs $at; done
fathom daemon > /tmp/daemon.log 2>&1 &
for try in $(seq 200); do [ -S /run/fathom.sock ] && fathom version > /dev/null 2>&1 && break; sleep 0.1; done
mkdir -p /tmp/image/bin && cp /bin/busybox /tmp/image/bin/ && busybox --install -s /tmp/image/bin
tar -C /tmp/image -c . | fathom import - busybox > /dev/null
fathom run --rm --network none busybox true 2>&1
fathom doctor
'
`;

describe.skipIf(reason !== undefined)("on a host that lacks something", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    const loadable = ["overlay", "bridge", "veth", "nf_tables", ...NETWORK_PARTS, ...RATE_PARTS];
    printed = await runInVm(SESSION, { loadable });
  }, VM_LIMIT_MS);

  test("a daemon without control groups says so and ends, and doctor tells what to do", () => {
    const lines = printed.get("cgroups")?.split("\n") ?? [];
    expect(lines.slice(0, 2)).toEqual([
      "fathom daemon: this host has no control groups mounted: mount cgroup2 at /sys/fs/cgroup",
      "1",
    ]);
    expect(lines.join("\n")).toContain("mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  });

  test.each([
    ["overlay", "overlay"],
    ["bridge", "bridge"],
    ["veth", "veth"],
    ["rate", "sch_tbf"],
  ])("what needs %s names the module %s", (section, module) => {
    expect(printed.get(section)).toContain(
      `this host's kernel has no ${module}: load it (modprobe ${module})`,
    );
  });

  test("what was missing serves as soon as it is loaded, without a new daemon", () => {
    expect(printed.get("overlay")?.split("\n").at(-1)).toBe("runs");
    expect(printed.get("rate")?.split("\n").at(-2)).toBe("runs");
  });

  test("a failed start leaves no link", () => {
    expect(printed.get("rate")?.split("\n").at(-1)).toBe("0");
  });

  test("without nftables containers run, and the daemon says what they cannot reach", () => {
    const said = printed.get("rules") ?? "";
    expect(said).toStartWith("runs\n");
    expect(said).toContain("nftables cannot be had on this host");
    expect(said).toContain("containers reach each other and the host, but not the outside");
  });

  test("a root that no container can leave is refused in words, and doctor finds it", () => {
    expect(printed.get("initramfs")).toContain(
      "cannot change the root: the engine's own root is an initramfs or a chroot",
    );
    expect(printed.get("initramfs")).toContain("- the root is an initramfs or a chroot");
  });
});
