/**
 * A small emulated machine with Debian's own kernel: the systems that most users have, and that the host of the tests may not be
 * (cgroup v2 alone, another kernel version, file systems with quotas).
 *
 * The machine boots into a root file system in memory that holds busybox, the engine compiled, and the programs asked for;
 * runs one shell script, and is gone. What the script prints comes back by section. Emulated in software, so that it works
 * where there is no nested virtualization: about ten seconds for a boot and a few commands.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { debianKernel, KERNEL_PACKAGE, type Kernel, modulesNamed } from "./_vm_kernel.ts";
import { cpioOf, type InitialFile } from "./cpio.ts";
import { run } from "./program.ts";

/** What each section printed: `section NAME` in the script begins one. */
export type Sections = ReadonlyMap<string, string>;

interface VmOptions {
  /** Programs of the host that the script calls, by path; they stand in /bin, and their libraries come with them. */
  programs?: readonly string[];
  /** Kernel modules to load, in this order, each after those it depends on; those built in are left out. */
  modules?: readonly string[];
  /** Modules that are there for the script to load: `modprobe NAME`. */
  loadable?: readonly string[];
  /** Other files to put in, by path. */
  files?: readonly InitialFile[];
}

/** What a boot and a script take at the most, on a machine that does much else; by itself it is a tenth. */
const BOOT_LIMIT_MS = 450_000;
/** What a test gives runInVm, which may have the engine to compile first. */
export const VM_LIMIT_MS = 550_000;

/** Why no machine can be had here; undefined where one can. */
export async function vmUnavailable(): Promise<string | undefined> {
  if (process.arch !== "x64") return "the emulated machine is an x86-64 one";
  if (Bun.which("qemu-system-x86_64") === null) return "qemu-system-x86 is not installed";
  return (await debianKernel()) === undefined ? `apt-get cannot download ${KERNEL_PACKAGE}` : undefined;
}

/** Boots, runs the script with /bin/sh, and gives what it printed. @throws with the console when it does not get to its end. */
export async function runInVm(script: string, options: VmOptions = {}): Promise<Sections> {
  const kernel = await debianKernel();
  if (kernel === undefined) throw new Error(`there is no ${KERNEL_PACKAGE}`);
  const directory = await mkdtemp("/tmp/fathom-test-vm-");
  try {
    const initrd = join(directory, "initrd");
    await writeFile(initrd, await cpioOf(await contents(script, { kernel, directory, options })));
    return sectionsOf(await boot(kernel.image, initrd));
  } finally {
    await rm(directory, { recursive: true });
  }
}

const SHEBANG = "#!/bin/busybox sh\n";

/**
 * The kernel's own first root is mounted on nothing, and pivot_root(2) refuses to leave such a one. So it is mounted once more on top
 * of itself, which copies no file, and that is entered: what a container then leaves is a mount like that of any disk. A process
 * that was there before shows the first root to those who want it.
 */
const INIT = `${SHEBANG}
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /var/lib /etc /root /top
/bin/busybox ln -s /run /var/run
/bin/busybox --install -s /bin
/bin/mknod /dev/null c 1 3
/bin/sleep 1000000 &
echo $! > /initramfs.pid
cd /top && /bin/mount --bind / /top && cd /top && /bin/mount --move . / && exec /bin/chroot . /script
`;

const PREAMBLE = `${SHEBANG}
# Said by name, so that no command starts a daemon of its own where none answers.
export PATH=/bin HOME=/tmp DOCKER_HOST=unix:///run/fathom.sock
section() { echo; echo "@@ $1"; }
# until_true COMMAND: waits for it, by turns and not by the clock, which a script may set. Long: the machine may be a slow one.
until_true() {
  for try in $(seq 1200); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done
  echo "in vain: $*"; return 1
}
# engine ARGUMENTS: a daemon, once it answers. busybox_image: an image of this machine's busybox.
engine() {
  fathom daemon "$@" >> /tmp/daemon.log 2>&1 &
  daemon=$!
  until_true fathom version || cat /tmp/daemon.log
}
# in_initramfs COMMAND: with the kernel's first root for its own, where nothing but /proc is mounted.
in_initramfs() {
  chroot /proc/$(cat /initramfs.pid)/root /bin/sh -c 'mount -t proc proc /proc; exec "$@"' sh "$@"
}
busybox_image() {
  mkdir -p /tmp/image/bin /tmp/image/etc && cp /bin/busybox /tmp/image/bin/ && busybox --install -s /tmp/image/bin
  tar -C /tmp/image -c . | fathom import - busybox > /dev/null
}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for at in /dev/shm /tmp /run /var/lib; do mount -t tmpfs tmpfs $at; done
ip link set lo up
`;

/** Those built in are none, which modprobe says. */
function loading({ modules = [] }: VmOptions): string {
  return modules.map((name) => `modprobe ${name} 2> /dev/null\n`).join("");
}

const FAREWELL = `
section end
poweroff -f
`;

interface Making {
  kernel: Kernel;
  directory: string;
  options: VmOptions;
}

async function contents(script: string, { kernel, directory, options }: Making): Promise<InitialFile[]> {
  const engine = await compiledEngine(directory);
  const programs = ["/bin/busybox", ...(options.programs ?? [])];
  const libraries = await librariesOf([engine, ...programs]);
  const modules = await modulesOf(kernel, [...(options.modules ?? []), ...(options.loadable ?? [])]);
  return [
    { path: "init", content: INIT, mode: 0o755 },
    { path: "script", content: PREAMBLE + loading(options) + script + FAREWELL, mode: 0o755 },
    { path: "bin/fathom", from: engine, mode: 0o755 },
    ...programs.map((path): InitialFile => ({ path: `bin/${basename(path)}`, from: path, mode: 0o755 })),
    ...libraries.map((path): InitialFile => ({ path: path.slice(1), from: path, mode: 0o755 })),
    ...modules,
    ...(options.files ?? []),
  ];
}

/** The executable under test where that is one; else one made of the sources. */
async function compiledEngine(directory: string): Promise<string> {
  if (process.env.FATHOM_BIN !== undefined) return resolve(process.env.FATHOM_BIN);
  const out = join(directory, "fathom");
  const built = await run([join(import.meta.dir, "../../scripts/build"), out], { timeout: 120_000 });
  if (built.status !== 0) throw new Error(`the engine does not compile: ${built.stderr}`);
  return out;
}

async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const listings = await Promise.all(programs.map((program) => run(["ldd", program])));
  return [...new Set(listings.flatMap(({ stdout }) => stdout.match(/\/\S*\.so\S*/g) ?? []))];
}

/** Where modprobe(8) looks for them, and modules.dep(5). */
async function modulesOf(kernel: Kernel, names: readonly string[]): Promise<InitialFile[]> {
  const home = `lib/modules/${basename(kernel.modules)}`;
  const found = [...(await modulesNamed(kernel, names))];
  const content = found.map(([name, { needs }]) => `${name}: ${needs.join(" ")}\n`).join("");
  return [
    { path: `${home}/modules.dep`, content, mode: 0o644 },
    ...found.map(([name, { from }]): InitialFile => ({ path: `${home}/${name}`, from, mode: 0o644 })),
  ];
}

async function boot(kernel: string, initrd: string): Promise<string> {
  const machine = ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048", "-no-reboot"];
  const console = ["-nographic", "-nodefaults", "-serial", "stdio"];
  const system = [
    "-kernel",
    kernel,
    "-initrd",
    initrd,
    "-append",
    "console=ttyS0 quiet panic=-1 tsc=reliable",
  ];
  const { stdout } = await run(["qemu-system-x86_64", ...machine, ...console, ...system], {
    timeout: BOOT_LIMIT_MS,
  });
  return stdout.replaceAll("\r", "");
}

function sectionsOf(console: string): Sections {
  const sections = new Map(
    console
      .split(/^@@ /m)
      .slice(1)
      .map((part): [string, string] => {
        const [name = "", ...lines] = part.split("\n");
        return [name, lines.join("\n").trim()];
      }),
  );
  if (!sections.has("end")) throw new Error(`the machine did not get to the end of its script:\n${console}`);
  return sections;
}
