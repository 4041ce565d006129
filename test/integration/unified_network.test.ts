/**
 * Networks on Debian's kernel, where bridges, pairs of links, nftables and queues are modules: containers reach each other by link, the
 * outside by masquerade, and no faster than they may.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
# The outside: a namespace behind a link, which knows no way to the containers' network.
unshare -n sleep 1000 &
outside=$!
for try in $(seq 300); do [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.1; done
ip link add up0 type veth
ip link set veth0 netns $outside
ip addr add 198.51.100.1/24 dev up0
ip link set up0 up
nsenter -t $outside -n sh -c 'ip addr add 198.51.100.2/24 dev veth0; ip link set veth0 up; ip link set lo up'
engine
busybox_image

section outside
mkdir /tmp/www && echo far > /tmp/www/index.html
nsenter -t $outside -n httpd -p 7001 -h /tmp/www
fathom run --rm busybox timeout 10 wget -q -O - http://198.51.100.2:7001/ 2>&1
section link
fathom run -d --name web busybox sh -c 'mkdir /www; echo served > /www/index.html; httpd -f -h /www' > /dev/null
for try in $(seq 300); do fathom exec web netstat -tln | grep -q :80 && break; sleep 0.1; done
fathom run --rm --link web:w busybox wget -q -O - http://w/
section killed
kill -9 $daemon; rm -f /run/fathom.sock
engine
fathom run --rm --link web:w busybox wget -q -O - http://w/
section rate
fathom run -d --name slow --network-rate 1mbit busybox sleep 1000 > /dev/null
fathom exec web sh -c 'head -c 300000 /dev/zero > /www/big'
fathom exec slow sh -c 'from=$(cut -d. -f1 /proc/uptime); wget -q -O /dev/null http://'$(fathom inspect -f '{{.NetworkSettings.IPAddress}}' web)'/big && [ $(($(cut -d. -f1 /proc/uptime) - from)) -ge 1 ] && echo held back'
section gone
fathom rm -f web slow
links() { ip -o link | grep -cE ' fm|ifb-'; }
# The kernel dismantles a namespace that nobody holds in its own time.
for try in $(seq 100); do [ "$(links)" = 0 ] && break; sleep 0.1; done
links
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("networks on Debian's kernel", () => {
  let printed: Sections = new Map();
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
    const rates = ["ifb", "sch_tbf", "sch_ingress", "cls_u32", "act_mirred"];
    printed = await runInVm(SESSION, { modules: ["overlay", "bridge", "veth", ...rules, ...rates] });
  }, VM_LIMIT_MS);

  test("an outside that knows no way back to the container answers it, since it hears the host", () => {
    expect(printed.get("outside")).toBe("far");
  });

  test("a container reaches another by its link, also after the daemon was killed", () => {
    expect(printed.get("link")).toBe("served");
    expect(printed.get("killed")).toBe("served");
  });

  test("what it receives is no faster than it may be", () => {
    expect(printed.get("rate")).toBe("held back");
  });

  test("removed containers leave no link", () => {
    expect(printed.get("gone")?.split("\n")).toEqual(["web", "slow", "0"]);
  });

  test("the daemon has nothing to complain about", () => {
    expect(printed.get("log")).not.toMatch(/level=(?:error|warn)/);
  });
});
