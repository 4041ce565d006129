/**
 * Networks on links of the host, on Debian's kernel, which has all of them as modules: macvlan on a VLAN that is made for it, ipvlan by
 * each of its modes, and macvlan without a parent.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
# The outside: a namespace behind a link, there by the link itself and by VLAN 10 on it.
unshare -n sleep 1000 &
outside=$!
until_true sh -c "[ \\$(readlink /proc/$outside/ns/net) != $(readlink /proc/self/ns/net) ]"
ip link add up0 type veth
ip link set veth0 netns $outside
ip addr add 203.0.113.9/24 dev up0
ip link set up0 up
nsenter -t $outside -n sh -c '
ip link set lo up
ip addr add 203.0.113.1/24 dev veth0
ip link set veth0 up
ip link add link veth0 name veth0.10 type vlan id 10
ip addr add 198.51.100.1/24 dev veth0.10
ip link set veth0.10 up
ip route add 10.32.60.0/24 via 203.0.113.9'
engine
busybox_image
network() { fathom network create -d "$@" > /dev/null; }
started() { fathom run -d --name "$@" busybox sleep 1000 > /dev/null; }
pings() { fathom exec $1 ping -c1 -W5 $2 > /dev/null && echo "$1 reaches $2"; }
ended() { fathom rm -f one two > /dev/null; fathom network rm $1 > /dev/null; }

section vlan
network macvlan -o parent=up0.10 --subnet 198.51.100.0/24 --gateway 198.51.100.1 tagged
started one --network tagged
started two --network tagged
grep -o 'VID: 10' /proc/net/vlan/up0.10
pings one 198.51.100.1
pings one two
ended tagged
ls -d /sys/class/net/up0.10 /sys/class/net/up0 2> /dev/null
section l2
network ipvlan -o parent=up0 --subnet 203.0.113.0/24 --gateway 203.0.113.1 shared
started one --network shared --ip 203.0.113.50
started two --network shared
[ "$(fathom exec one cat /sys/class/net/eth0/address)" = "$(cat /sys/class/net/up0/address)" ] && echo one MAC
fathom exec one ip route | grep default
pings one 203.0.113.1
pings two 203.0.113.50
fathom network create -d ipvlan -o parent=up0 -o ipvlan_mode=l3 --subnet 10.32.60.0/24 other 2>&1
ended shared
for mode in l3 l3s; do
section $mode
network ipvlan -o parent=up0 -o ipvlan_mode=$mode --subnet 10.32.60.0/24 routed
started one --network routed --ip 10.32.60.50
started two --network routed
fathom exec one ip route | grep default
echo "gateway: $(fathom inspect -f '{{.NetworkSettings.Networks.routed.Gateway}}' one)"
pings one 203.0.113.1
pings two 10.32.60.50
nsenter -t $outside -n ping -c1 -W5 10.32.60.50 > /dev/null && echo outside reaches one
ended routed
done
section nowhere
network macvlan --subnet 10.32.61.0/24 alone
ls /sys/class/net | grep -c ^dm-
started one --network alone
started two --network alone
pings one two
fathom exec one ip route | grep -c default
ended alone
ls /sys/class/net | grep -c ^dm-
section both
network ipvlan -o parent=up0 -o ipvlan_mode=l3 --subnet 10.32.60.0/24 routed
started one --network routed
fathom network connect bridge one
fathom exec one ip route | grep -c default
fathom network disconnect bridge one
fathom exec one ip route | grep default
fathom rm -f one > /dev/null
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("networks on links of the host, on Debian's kernel", () => {
  let printed: Sections = new Map();
  const lines = (section: string) => printed.get(section)?.split("\n");
  beforeAll(async () => {
    const rules = [
      "nf_tables",
      "nft_masq",
      "nft_ct",
      "nft_chain_nat",
      "nft_nat",
      "nft_fib_inet",
      "nft_redir",
    ];
    const kinds = ["bridge", "veth", "8021q", "macvlan", "ipvlan", "dummy"];
    printed = await runInVm(SESSION, { modules: ["overlay", ...kinds, ...rules] });
  }, VM_LIMIT_MS);

  test("a parent that is named for a VLAN is made as that, and goes with the network", () => {
    expect(lines("vlan")).toEqual([
      "VID: 10",
      "one reaches 198.51.100.1",
      "one reaches two",
      "/sys/class/net/up0",
    ]);
  });

  test("by ipvlan l2 containers are in the parent's network under its MAC address, and other modes keep off", () => {
    expect(lines("l2")).toEqual([
      "one MAC",
      expect.stringContaining("default via 203.0.113.1 dev eth0"),
      "one reaches 203.0.113.1",
      "two reaches 203.0.113.50",
      expect.stringContaining("network shared is already using parent interface up0"),
    ]);
  });

  test.each(["l3", "l3s"])("by ipvlan %s everything is routed by the link, without a gateway", (mode) => {
    expect(lines(mode)).toEqual([
      expect.stringMatching(/^default dev eth0/),
      "gateway: ",
      "one reaches 203.0.113.1",
      "two reaches 10.32.60.50",
      "outside reaches one",
    ]);
  });

  test("without a parent containers reach each other and nobody else, and its dummy goes with the network", () => {
    expect(lines("nowhere")).toEqual(["1", "one reaches two", "0", "0"]);
  });

  test("a way out by the link gives place to another network's, and is back when that is left", () => {
    expect(lines("both")).toEqual(["1", expect.stringMatching(/^default dev eth0/)]);
  });

  test("the daemon has nothing to complain about", () => {
    expect(printed.get("log")).not.toMatch(/level=(?:error|warn)/);
  });
});
