/**
 * A clock that jumps, in an emulated machine, since the host's own is not the tests' to set: an hour back and a day forward, with
 * containers that run, write, restart and are looked after meanwhile.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "../harness/mod.ts";

const reason = await vmUnavailable();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SESSION = `
mount -t cgroup2 cgroup /sys/fs/cgroup
engine
busybox_image
run() { fathom run --network none "$@"; }
jump() { date -s @$(($(date +%s) + $1)) > /dev/null; }
# What has come about, however long it takes: N lines more than M, other probes than those, more restarts than so many.
lines() { fathom logs counter | wc -l; }
lines_more() { [ $(lines) -ge $(($1 + $2)) ]; }
probes() { fathom inspect -f '{{json .State.Health.Log}}' watched; }
probes_changed() { [ "$(probes)" != "$1" ]; }
restarts() { fathom inspect -f '{{.RestartCount}}' failing; }
restarts_more() { [ $(restarts) -gt $1 ]; }
healthy() { [ "$(fathom inspect -f '{{.State.Health.Status}}' watched)" = healthy ]; }

run -d --name counter busybox sh -c 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done' > /dev/null
run -d --name failing --restart on-failure busybox sh -c 'exit 3' > /dev/null
run -d --name watched --health-cmd true --health-interval 1s busybox sleep 100000 > /dev/null
until_true lines_more 0 5
until_true healthy
written=$(lines)
jump -3600
until_true lines_more $written 5

section back
fathom ps -a --format '{{.Names}} {{.Status}}'
section back-log
fathom logs --since 60s counter | tail -n 1
fathom logs counter > /tmp/counter.log
sort -u /tmp/counter.log | wc -l
wc -l < /tmp/counter.log
tail -n 1 /tmp/counter.log
section back-restarts
until_true restarts_more $(restarts) && echo went on
section back-health
until_true probes_changed "$(probes)" && until_true healthy && echo went on
section back-run
run --rm busybox echo begun and ended
run --name ended busybox true; fathom inspect -f '{{.State.ExitCode}} {{.State.Status}}' ended

jump 90000
section forward
fathom ps -a --format '{{.Names}} {{.Status}}'
section forward-stop
fathom stop -t 1 watched
section killed
kill -9 $daemon; wait $daemon
jump -7200
engine
section restarted
fathom ps -a --format '{{.Names}} {{.State}}' | sort
written=$(lines); until_true lines_more $written 1
fathom logs --tail 1 counter
fathom rm -f counter failing watched ended > /dev/null && echo removed
section log
cat /tmp/daemon.log
`;

describe.skipIf(reason !== undefined)("a clock that jumps", () => {
  let printed: Sections = new Map();
  beforeAll(async () => {
    printed = await runInVm(SESSION, { modules: ["overlay"] });
  }, VM_LIMIT_MS);

  test("leaves what runs running, and no time below nothing is shown", () => {
    for (const name of ["back", "forward"]) {
      expect(printed.get(name)).toMatch(/^counter Up /m);
      expect(printed.get(name)).not.toMatch(/-\d/);
    }
  });

  test("loses no line, shows none twice, and finds what was written since", () => {
    const [since = "", unique, all, last] = (printed.get("back-log") ?? "").split("\n");
    expect(since).toMatch(/^line \d+$/);
    expect(unique).toBe(all);
    expect(last).toBe(`line ${all}`);
  });

  test("back holds up neither restarts nor probes of health: they go by how long things take", () => {
    expect(printed.get("back-restarts")).toBe("went on");
    expect(printed.get("back-health")).toBe("went on");
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
