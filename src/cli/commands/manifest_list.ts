/** `fathom manifest create`, `annotate`, `push` and `rm`: one name for images of several platforms. */

import type { RegistryManifest } from "../../spec/docker_registry.ts";
import { parseReference, repositoryOf } from "../../spec/reference.ts";
import { type Context, defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { segment } from "../http/client.ts";
import {
  type ListedManifest,
  type ListedPlatform,
  listDocument,
  listed,
  noSuchList,
  readList,
  removeList,
  wholeName,
  writeManifest,
} from "../manifest_lists.ts";
import { print } from "../output.ts";
import { authHeaders } from "../registry_auth/credentials.ts";

const insecure = {
  type: "bool",
  help: "Accepted for Docker's sake: the daemon knows which registries are",
} as const;

export const create = defineCommand({
  usage: "manifest create MANIFEST_LIST MANIFEST [MANIFEST...]",
  operands: { min: 2 },
  flags: { amend: { type: "bool", short: "a", help: "Add to a list that is there already" }, insecure },
  async run(context, { flags, operands: [target = "", ...names] }) {
    const list = wholeName(target);
    const before = await readList(context.configDir, list);
    if (before.length > 0 && !flags.amend)
      throw new CommandError("refusing to amend an existing manifest list with no --amend flag");
    for (const name of names.map(wholeName)) {
      const known = before.find(({ Ref }) => Ref === name);
      await writeManifest(context.configDir, list, known ?? (await fromRegistry(context, name)));
    }
    print(`Created manifest list ${list}\n`);
    return 0;
  },
});

/** An image's manifest, with the platform that its configuration says. */
async function fromRegistry({ client, configDir }: Context, name: string): Promise<ListedManifest> {
  const headers = await authHeaders(configDir, name);
  const path = `/distribution/${segment(name)}/manifest`;
  const found = await client.json<RegistryManifest>("GET", path, { headers }).catch((cause: unknown) => {
    if (!(cause instanceof DaemonError) || cause.status !== 404) throw cause;
    throw new CommandError(`no such manifest: ${name}`, 1, { cause });
  });
  if (found.Manifests !== undefined) throw new CommandError(`${name} is a manifest list`);
  return listed({ ...found, Ref: name });
}

/** What Go programs are built for, which the docker command takes for what there is: architectures by system. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  aix: "ppc64",
  darwin: "386 amd64 arm arm64",
  dragonfly: "amd64",
  freebsd: "386 amd64 arm arm64",
  linux: "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x",
  netbsd: "386 amd64 arm arm64",
  openbsd: "386 amd64 arm arm64",
  plan9: "386 amd64 arm",
  solaris: "amd64",
  windows: "386 amd64 arm arm64",
};

export const annotate = defineCommand({
  usage: "manifest annotate [OPTIONS] MANIFEST_LIST MANIFEST",
  operands: { min: 2, max: 2 },
  flags: {
    arch: { type: "string", help: "Set the architecture" },
    os: { type: "string", help: "Set the operating system" },
    "os-features": { type: "list", shows: "strings", help: "Set features of the operating system" },
    "os-version": { type: "string", help: "Set the version of the operating system" },
    variant: { type: "string", help: "Set the variant of the architecture" },
  },
  async run({ configDir }, { flags, operands: [target = "", name = ""] }) {
    const [list, image] = [wholeName(target), wholeName(name)];
    const manifest = (await readList(configDir, list)).find(({ Ref }) => Ref === image);
    if (manifest === undefined)
      throw new CommandError(`manifest for image ${name} does not exist in ${target}`);
    const before = manifest.Descriptor.platform;
    const features = [
      ...new Set([
        ...(before?.["os.features"] ?? []),
        ...flags["os-features"].flatMap((text) => text.split(",")),
      ]),
    ];
    const platform: ListedPlatform = {
      ...before,
      architecture: flags.arch ?? before?.architecture ?? "",
      os: flags.os ?? before?.os ?? "",
      ...(features.length > 0 && { "os.features": features }),
      ...(flags["os-version"] && { "os.version": flags["os-version"] }),
      ...(flags.variant && { variant: flags.variant }),
    };
    const { os, architecture } = platform;
    if (!ARCHITECTURES[os]?.split(" ").includes(architecture))
      throw new CommandError(
        `manifest entry for image has unsupported os/arch combination: ${os}/${architecture}`,
      );
    await writeManifest(configDir, list, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
    return 0;
  },
});

export const push = defineCommand({
  usage: "manifest push [OPTIONS] MANIFEST_LIST",
  operands: { min: 1, max: 1 },
  flags: {
    insecure,
    purge: { type: "bool", short: "p", help: "Remove the list here once it is there" },
  },
  async run({ client, configDir }, { flags, operands: [target = ""] }) {
    const list = wholeName(target);
    const manifests = await readList(configDir, list);
    if (manifests.length === 0) throw noSuchList(list);
    for (const manifest of manifests) requirePlatform(manifest);
    const { mediaType, text } = listDocument(manifests);
    const repository = repositoryOf(parseReference(list));
    const images = manifests
      .filter(({ Ref }) => repositoryOf(parseReference(Ref)) !== repository)
      .map(({ Ref, Descriptor, Raw }) => ({
        Ref,
        MediaType: Descriptor.mediaType,
        Raw: Buffer.from(Raw, "base64").toString(),
      }));
    const { Digest } = await client.json<{ Digest: string }>(
      "PUT",
      `/distribution/${segment(list)}/manifest`,
      {
        headers: await authHeaders(configDir, list),
        json: { MediaType: mediaType, Raw: text, Images: images },
      },
    );
    for (const { Descriptor, Ref } of manifests) {
      if (images.some((image) => image.Ref === Ref))
        print(`Pushed ref ${repository}@${Descriptor.digest} with digest: ${Descriptor.digest}\n`);
    }
    print(`${Digest}\n`);
    if (flags.purge) await removeList(configDir, list);
    return 0;
  },
});

function requirePlatform({ Ref, Descriptor: { platform } }: ListedManifest): void {
  if (platform?.architecture && platform.os) return;
  throw new CommandError(`manifest ${Ref} must have an OS and Architecture to be pushed to a registry`);
}

export const remove = defineCommand({
  usage: "manifest rm MANIFEST_LIST [MANIFEST_LIST...]",
  operands: { min: 1 },
  flags: {},
  run: ({ configDir }, { operands }) =>
    forEachName(operands, async (name) => {
      await removeList(configDir, wholeName(name));
      return "";
    }),
});
