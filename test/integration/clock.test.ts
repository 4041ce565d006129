/**
 * A clock that jumps, in an emulated machine, since the host's own is not the tests' to set: an hour back and a day forward, with
 * containers that run, write, restart and are looked after meanwhile.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
daemon() {
  # A command that finds no socket would start a daemon of its own.
  rm -f /run/fathom.sock
  fathom daemon >> /tmp/daemon.log 2>&1 &
  engine=$!
  for try in $(seq 400); do [ -S /run/fathom.sock ] && break; sleep 0.1; done
}
daemon
mkdir -p /tmp/image/bin && cp /bin/busybox /tmp/image/bin/
for applet in sh sleep true echo; do ln -s busybox /tmp/image/bin/$applet; done
tar -C /tmp/image -c . | fathom import - busybox > /dev/null
run() { fathom run --network none "$@"; }
jump() { date -s @$(($(date +%s) + $1)) > /dev/null; }

run -d --name counter busybox sh -c 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done' > /dev/null
run -d --name failing --restart on-failure busybox sh -c 'exit 3' > /dev/null
run -d --name watched --health-cmd true --health-interval 1s busybox sleep 1000 > /dev/null
sleep 2
jump -3600
sleep 2

section back
fathom ps -a --format '{{.Names}} {{.Status}}'
section back-log
fathom logs --since 4s counter | head -n 1
fathom logs counter > /tmp/counter.log
sort -u /tmp/counter.log | wc -l
wc -l < /tmp/counter.log
section back-restarts
fathom inspect -f '{{.RestartCount}}' failing
sleep 8
fathom inspect -f '{{.RestartCount}}' failing
section back-health
fathom inspect -f '{{.State.Health.Status}} {{len .State.Health.Log}}' watched
section back-run
run --rm busybox echo begun and ended
run --name ended busybox true; fathom inspect -f '{{.State.ExitCode}} {{.State.Status}}' ended

jump 90000
section forward
fathom ps -a --format '{{.Names}} {{.Status}}'
section forward-stop
fathom stop -t 1 watched
kill -9 $engine; sleep 0.5
jump -7200
daemon
section restarted
fathom ps -a --format '{{.Names}} {{.State}}' | sort
fathom logs --tail 1 counter
fathom rm -f counter failing watched ended > /dev/null && echo removed
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("a clock that jumps", () => {
  let printed: Sections = new Map();
  const numbers = (name: string) => (printed.get(name) ?? "").split("\n").map(Number);
  beforeAll(async () => {
    printed = await runInVm(SESSION, { modules: ["overlay"] });
  }, 300_000);

  test("leaves what runs running, and no time below nothing is shown", () => {
    for (const name of ["back", "forward"]) {
      expect(printed.get(name)).toMatch(/^counter Up /m);
      expect(printed.get(name)).not.toMatch(/-\d/);
    }
  });

  test("loses no line, shows none twice, and finds what was written since", () => {
    const [first = "", unique, all] = (printed.get("back-log") ?? "").split("\n");
    expect(first).toMatch(/^line \d+$/);
    expect(unique).toBe(all);
  });

  test("back does not hold up restarts: they go by how long things take", () => {
    const [before = 0, after = 0] = numbers("back-restarts");
    expect(after).toBeGreaterThan(before);
  });

  test("keeps probes of health going", () => {
    expect(printed.get("back-health")).toMatch(/^healthy [1-5]$/);
  });

  test("keeps nobody from beginning and ending", () => {
    expect(printed.get("back-run")?.split("\n")).toEqual(["begun and ended", "0 exited"]);
    expect(printed.get("forward-stop")).toBe("watched");
  });

  test("together with a daemon that is killed loses no container", () => {
    const lines = printed.get("restarted")?.split("\n") ?? [];
    expect(lines.slice(0, 4).map((line) => line.split(" ")[0])).toEqual([
      "counter",
      "ended",
      "failing",
      "watched",
    ]);
    expect(lines.at(0)).toBe("counter running");
    expect(lines.at(-2)).toMatch(/^line \d+$/);
    expect(lines.at(-1)).toBe("removed");
    expect(printed.get("log")).not.toMatch(/level=error/);
  });
});
