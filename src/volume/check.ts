/** Looks for volumes that a crash has left half-way, or that cannot be shown. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Damage } from "../spec/doctor.ts";
import { ifAbsent } from "../std/absent.ts";
import { isOurs, readVolume, TRASH } from "./_record.ts";

/** @param root directory of all volumes */
export async function checkVolumes(root: string): Promise<Damage[]> {
  const names = await readdir(root).catch(ifAbsent([]));
  const left = names.filter((name) => name.startsWith(".") && name !== TRASH && !isOurs(name));
  const volumes = names.filter((name) => !name.startsWith("."));
  const trashed = await readdir(join(root, TRASH)).catch(ifAbsent([]));
  return [
    ...left.map((name) => leftover(join(root, name))),
    ...(await unreadable(root, volumes)),
    ...(await unreadable(join(root, TRASH), trashed)),
  ];
}

function leftover(path: string): Damage {
  return {
    ...{ kind: "leftover", subject: path, see: `du -sh ${path}` },
    sentence: `${path} is a volume that was never finished, or not quite removed, by an engine that was killed`,
    mend: async () => {
      await rm(path, { recursive: true, force: true });
      return "removed it";
    },
  };
}

/** Their files may be all that somebody has: they are shown and let be. */
async function unreadable(directory: string, names: readonly string[]): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const name of names) {
    const path = join(directory, name);
    await readVolume(directory, name, (sentence) =>
      found.push({ kind: "volume", subject: path, sentence, see: `ls -l ${path}` }),
    );
  }
  return found;
}
