/** What is wrong, of what is there. Pure: facts in, findings out. */

import { join } from "node:path";
import type { Finding } from "../../spec/doctor.ts";
import { formatBinarySize } from "../../std/units.ts";
import type { ContainerFacts, Facts } from "./facts.ts";

/** What a running daemon knows better than the disk: the statuses of its containers. Undefined where none runs. */
export type Known = ReadonlyMap<string, string> | undefined;

export function findingsOf(facts: Facts, known: Known): Finding[] {
  const containers = facts.containers.flatMap((container) => aboutContainer(facts, container, known));
  return [...containers, ...aboutRuns(facts, known), ...aboutStore(facts, known), ...aboutHost(facts)];
}

function aboutContainer(facts: Facts, container: ContainerFacts, known: Known): Finding[] {
  const { id, damage, mounted, cgroup, snapshot, temporaries } = container;
  const directory = join(facts.roots.dataRoot, "containers", id);
  const status = known?.get(id) ?? container.status;
  const up = status === "running" || status === "paused" || status === "restarting";
  const short = id.slice(0, 12);
  const found: Finding[] = [];
  const add = (
    kind: Finding["kind"],
    sentence: string,
    more: Pick<Finding, "see" | "mendable"> & { subject?: string },
  ) => found.push({ kind, subject: id, sentence, ...more });
  if (status === "unfinished")
    add(
      "unfinished",
      `container ${short} has no config.json: its making or removal was cut short, and the next start of the daemon clears it`,
      { see: `ls -l ${directory}`, mendable: false },
    );
  if (damage !== undefined)
    add("damaged", `container ${short} is damaged: ${damage}`, {
      see: `ls -l ${directory}`,
      mendable: false,
    });
  else if (!snapshot && status !== "unfinished")
    add("snapshot", `container ${short} has lost its snapshot or a layer below it, and cannot be started`, {
      see: `ls -l ${directory} ${directory}/parent`,
      mendable: false,
    });
  if (mounted && !up)
    add(
      "mount",
      `the root of container ${short} is mounted, and it does not run${known === undefined ? "" : ": unless a copy or export is under way, the next start of the daemon unmounts it"}`,
      {
        subject: join(directory, "rootfs"),
        see: `findmnt ${join(directory, "rootfs")}`,
        mendable: known === undefined,
      },
    );
  if (cgroup.directories > 0 && !up)
    add(
      "cgroup",
      `container ${short} does not run and has control groups, with ${cgroup.processes} processes in them`,
      { see: `find /sys/fs/cgroup -name ${id}`, mendable: true },
    );
  if (!up)
    for (const path of temporaries)
      add("temporary", `${path} was never finished: whoever wrote it was killed`, {
        subject: path,
        see: `ls -l ${path}`,
        mendable: true,
      });
  return found;
}

function aboutRuns({ bundles, containers, shims, sockets, daemon, roots }: Facts, known: Known): Finding[] {
  const ids = new Set(containers.map(({ id }) => id));
  const noted = new Set(containers.map(({ socket }) => socket));
  const stale = bundles
    .filter((name) => !ids.has(name))
    .map((name): Finding => {
      const subject = join(roots.execRoot, "bundles", name);
      return {
        kind: "bundle",
        subject,
        sentence: `${subject} is the bundle of a container that is gone`,
        see: `ls -l ${subject}`,
        mendable: true,
      };
    });
  const orphans = shims
    .filter(({ parent, socket }) => !noted.has(socket) && !(known !== undefined && parent === daemon?.pid))
    .map(
      ({ pid, socket }): Finding => ({
        kind: "shim",
        subject: String(pid),
        sentence: `process ${pid} is a shim that no container is known of: what runs in it is lost to this engine`,
        see: `ps -fp ${pid}; ls -l ${socket}`,
        mendable: false,
      }),
    );
  const dead = sockets
    .filter(({ answers }) => !answers)
    .map(
      ({ path }): Finding => ({
        kind: "socket",
        subject: path,
        sentence: `nobody listens at ${path}: its shim was killed`,
        see: `ss -xlp | grep ${path}`,
        mendable: true,
      }),
    );
  const pidfile: Finding[] =
    daemon === undefined || daemon.lives
      ? []
      : [
          {
            kind: "pidfile",
            subject: roots.pidfile,
            sentence: `${roots.pidfile} names process ${daemon.pid}, which is no daemon any more: the last one was killed`,
            see: `cat ${roots.pidfile}`,
            mendable: known === undefined,
          },
        ];
  return [...stale, ...orphans, ...dead, ...pidfile];
}

const LEAST_FREE = 512 * 1024 * 1024;
const LEAST_PART = 0.05;

function aboutStore({ ingest, indexDamage, disk, roots }: Facts, known: Known): Finding[] {
  const found: Finding[] = [];
  const { dataRoot } = roots;
  // A daemon that runs may be writing them.
  if (known === undefined)
    for (const subject of ingest)
      found.push({
        kind: "images",
        subject,
        sentence: `${subject} is a layer or blob that was never finished`,
        see: `du -sh ${subject}`,
        mendable: true,
      });
  if (indexDamage !== undefined)
    found.push({
      kind: "images",
      subject: join(dataRoot, "images/index.json"),
      sentence: `the list of images is damaged: ${indexDamage}`,
      see: `jq . ${dataRoot}/images/index.json`,
      mendable: false,
    });
  if (disk.free < LEAST_FREE || disk.free < disk.total * LEAST_PART)
    found.push({
      kind: "disk",
      subject: dataRoot,
      sentence: `the file system of ${dataRoot} has ${formatBinarySize(disk.free)} left of ${formatBinarySize(disk.total)}`,
      see: `df -h ${dataRoot}`,
      mendable: false,
    });
  if (disk.files > 0 && disk.filesFree < disk.files * LEAST_PART)
    found.push({
      kind: "disk",
      subject: dataRoot,
      sentence: `the file system of ${dataRoot} has ${disk.filesFree} inodes left of ${disk.files}`,
      see: `df -i ${dataRoot}`,
      mendable: false,
    });
  return found;
}

const WANTED_CONTROLLERS = ["memory", "cpu", "cpuset", "pids", "blkio", "freezer", "devices"];
const WANTED_FILES = 65_536;
/** capabilities(7). */
const WANTED_CAPABILITIES: ReadonlyMap<number, string> = new Map([
  [12, "CAP_NET_ADMIN"],
  [21, "CAP_SYS_ADMIN"],
  [24, "CAP_SYS_RESOURCE"],
  [27, "CAP_MKNOD"],
]);

function aboutHost({ controllers, rootIsMounted, overlay, openFiles, capabilities }: Facts): Finding[] {
  const host = (subject: string, sentence: string, see: string): Finding => ({
    kind: "host",
    subject,
    sentence,
    see,
    mendable: false,
  });
  const missing =
    controllers.includes("v2") || controllers.length === 0
      ? []
      : WANTED_CONTROLLERS.filter((name) => !controllers.includes(name));
  const lacking = [...WANTED_CAPABILITIES].filter(([bit]) => ((capabilities >> BigInt(bit)) & 1n) === 0n);
  return [
    ...(controllers.length > 0
      ? []
      : [
          host(
            "cgroups",
            "no control groups are mounted, without which the daemon does not start: mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            "grep cgroup /proc/self/mountinfo",
          ),
        ]),
    ...(rootIsMounted
      ? []
      : [
          host(
            "root",
            "the root is an initramfs or a chroot, which no container can leave: start the engine after switch_root(8), or with its root on a mount",
            "grep ' / / ' /proc/self/mountinfo",
          ),
        ]),
    ...(overlay
      ? []
      : [
          host(
            "overlay",
            "the kernel has no overlay file system, which containers' roots need",
            "grep overlay /proc/filesystems",
          ),
        ]),
    ...missing.map((name) =>
      host(name, `there is no ${name} control group: limits of that kind are not kept`, "cat /proc/cgroups"),
    ),
    ...lacking.map(([, name]) =>
      host(
        name,
        `the engine lacks ${name}: what containers need of it is refused`,
        "grep CapEff /proc/self/status",
      ),
    ),
    ...(openFiles >= WANTED_FILES
      ? []
      : [
          host(
            "nofile",
            `the hard limit on open files is ${openFiles}: a container cannot be given more`,
            "ulimit -Hn",
          ),
        ]),
  ];
}
