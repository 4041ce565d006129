/**
 * A small emulated machine with Debian's own kernel: the systems that most users have, and that the host of the tests may not be
 * (cgroup v2 alone, another kernel version, file systems with quotas).
 *
 * The machine boots into a root file system in memory that holds busybox, the engine compiled, and the programs asked for;
 * runs one shell script, and is gone. What the script prints comes back by section. Emulated in software, so that it works
 * where there is no nested virtualization: about ten seconds for a boot and a few commands.
 */

import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { cpioOf, type InitialFile } from "./cpio.ts";
import { run } from "./program.ts";

/** What each section printed: `section NAME` in the script begins one. */
export type Sections = ReadonlyMap<string, string>;

interface VmOptions {
  /** Programs of the host that the script calls, by path; they stand in /bin, and their libraries come with them. */
  programs?: readonly string[];
  /** Kernel modules to load, in this order; those built in are left out. */
  modules?: readonly string[];
  /** Other files to put in, by path. */
  files?: readonly InitialFile[];
}

const CACHE = "/var/cache/fathom-test";
const KERNEL_PACKAGE = "linux-image-cloud-amd64";
const BOOT_LIMIT_MS = 240_000;

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

interface Kernel {
  image: string;
  modules: string;
}

let kernelFound: Promise<Kernel | undefined> | undefined;

/** Debian's kernel, unpacked below the cache and not installed: the host's boot is none of the tests' business. */
function debianKernel(): Promise<Kernel | undefined> {
  kernelFound ??= findKernel();
  return kernelFound;
}

async function findKernel(): Promise<Kernel | undefined> {
  const depends = await run(["apt-cache", "depends", KERNEL_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(depends.stdout)?.[1];
  if (name === undefined) return undefined;
  const home = join(CACHE, name);
  const version = name.replace("linux-image-", "");
  const kernel = {
    image: join(home, "boot", `vmlinuz-${version}`),
    modules: join(home, "lib/modules", version),
  };
  if (await Bun.file(kernel.image).exists()) return kernel;
  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(`${home}.`);
  const got = await run(["sh", "-c", 'apt-get download "$0" && dpkg -x ./*.deb tree', name], {
    cwd: partial,
    timeout: 120_000,
  });
  // Somebody else may have been first; theirs is as good.
  if (got.status === 0) await rename(join(partial, "tree"), home).catch(() => undefined);
  await rm(partial, { recursive: true });
  return (await Bun.file(kernel.image).exists()) ? kernel : undefined;
}

const SHEBANG = "#!/bin/busybox sh\n";

/** The kernel's own first root cannot be left by pivot_root(2), so all moves to a tmpfs before anything begins. */
const INIT = `${SHEBANG}
/bin/busybox --install -s /bin
export PATH=/bin
mkdir /root
mount -t tmpfs tmpfs /root
for each in bin lib lib64 usr modules script; do [ -e /$each ] && mv /$each /root/; done
/root/bin/busybox mkdir -p /root/proc /root/sys /root/dev /root/tmp /root/run /root/var/lib /root/etc
/root/bin/busybox ln -s ../run /root/var/run
exec /root/bin/busybox switch_root /root /script
`;

const PREAMBLE = `${SHEBANG}
export PATH=/bin HOME=/tmp
section() { echo "@@ $1"; }
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for at in /dev/shm /tmp /run /var/lib; do mount -t tmpfs tmpfs $at; done
ip link set lo up
for module in /modules/*; do insmod $module; done
`;

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
  const modules = await modulesOf(kernel, options.modules ?? []);
  return [
    { path: "init", content: INIT, mode: 0o755 },
    { path: "script", content: PREAMBLE + script + FAREWELL, mode: 0o755 },
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

/** Loaded in the order of their names, which numbers make the order asked for. */
async function modulesOf(kernel: Kernel, names: readonly string[]): Promise<InitialFile[]> {
  const all = await readdir(kernel.modules, { recursive: true });
  return names.flatMap((name, index): InitialFile[] => {
    const found = all.find((path) => path.endsWith(`/${name}.ko`));
    if (found === undefined) return [];
    const place = `modules/${String(index).padStart(2, "0")}-${name}.ko`;
    return [{ path: place, from: join(kernel.modules, found), mode: 0o644 }];
  });
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
