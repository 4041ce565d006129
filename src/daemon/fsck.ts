/**
 * `fathom fsck`: looks at what is stored, and mends what can be mended without losing anything. What runs, or should, is the doctor's
 * (doctor/).
 */

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FsckBackend } from "../api/routes/fsck.ts";
import { checkImages, type ImageStore, removeSnapshot } from "../image/mod.ts";
import type { Damage, Examination, Finding } from "../spec/doctor.ts";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import { checkVolumes } from "../volume/mod.ts";

interface Parts {
  dataRoot: string;
  images: ImageStore;
  /** IDs of the containers there are. */
  containers: () => Promise<ReadonlySet<string>>;
}

export function fsck(parts: Parts): FsckBackend {
  return { check: ({ deep, fix }) => check(parts, { deep, fix }) };
}

async function check(parts: Parts, { deep, fix }: { deep: boolean; fix: boolean }): Promise<Examination> {
  const damages = [
    ...(await checkImages(parts.images, { deep })),
    ...(await checkVolumes(join(parts.dataRoot, "volumes"))),
    ...(await checkSnapshots(parts)),
  ];
  const Findings: Finding[] = [];
  for (const { mend, ...damage } of damages) {
    const finding: Finding = { ...damage, mendable: mend !== undefined };
    if (fix && mend !== undefined)
      finding.done = await mend().catch((error) => `could not be mended: ${messageOf(error)}`);
    Findings.push(finding);
  }
  const Unknown = deep ? [] : ["Contents were not read: 'fathom fsck --deep' verifies every blob and layer."];
  return { daemon: true, Findings, Unknown };
}

/** What is being made now has no record yet. Milliseconds. */
const YOUNG = 60_000;

/** Directories of containers that are none: a crash has left them without a record. */
async function checkSnapshots({ dataRoot, images, containers }: Parts): Promise<Damage[]> {
  const root = join(dataRoot, "containers");
  const known = await containers();
  const found: Damage[] = [];
  for (const id of await readdir(root).catch(ifAbsent([]))) {
    const path = join(root, id);
    const facts = await stat(path).catch(ifAbsent(undefined));
    const isWhole = await stat(join(path, "config.json")).then(
      () => true,
      () => false,
    );
    if (known.has(id) || isWhole || facts?.isDirectory() !== true || Date.now() - facts.ctimeMs < YOUNG)
      continue;
    found.push({
      ...{ kind: "leftover", subject: path, see: `ls -l ${path}` },
      sentence: `${path} is of a container whose making or removal was cut short`,
      mend: async () => {
        await removeSnapshot(images, id);
        await rm(path, { recursive: true, force: true });
        return "removed it";
      },
    });
  }
  return found;
}
