/** Debian's kernel for the emulated machine, and its modules with all that they need. */

import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "./program.ts";

const CACHE = "/var/cache/fathom-test";
export const KERNEL_PACKAGE = "linux-image-cloud-amd64";

export interface Kernel {
  image: string;
  modules: string;
}

let kernelFound: Promise<Kernel | undefined> | undefined;

/** Debian's kernel, unpacked below the cache and not installed: the host's boot is none of the tests' business. */
export function debianKernel(): Promise<Kernel | undefined> {
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

/** A module's file, and the files of all that it needs, in the order in which they can be unloaded. */
interface Module {
  from: string;
  needs: string[];
}

/**
 * Modules by their file's name, with all that they depend on. What each depends on stands in its own `.modinfo`, of which depmod(8)
 * makes modules.dep when a kernel is installed; this one is not. Those that are built in are left out.
 */
export async function modulesNamed(kernel: Kernel, names: readonly string[]): Promise<Map<string, Module>> {
  const paths = new Map(
    (await readdir(kernel.modules, { recursive: true }))
      .filter((path) => path.endsWith(".ko"))
      .map((path) => [moduleName(basename(path, ".ko")), join(kernel.modules, path)]),
  );
  const found = new Map<string, Module>();
  const add = async (name: string): Promise<string[]> => {
    const from = paths.get(moduleName(name));
    if (from === undefined) return [];
    const file = basename(from);
    const known = found.get(file);
    if (known !== undefined) return [file, ...known.needs];
    const below: string[] = [];
    for (const other of await dependencies(from)) below.push(...(await add(other)));
    // A module that two others need comes behind both of them.
    const needs = below.filter((other, index) => below.lastIndexOf(other) === index);
    found.set(file, { from, needs });
    return [file, ...needs];
  };
  for (const name of names) await add(name);
  return found;
}

/** A hyphen and an underscore are the same in a module's name: modprobe(8). */
function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}

async function dependencies(file: string): Promise<string[]> {
  const information = (await readFile(file)).toString("latin1");
  return /(?:^|\0)depends=([^\0]*)/.exec(information)?.[1]?.split(",").filter(Boolean) ?? [];
}
