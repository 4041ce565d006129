/** `fathom manifest inspect`. */

import type { RegistryManifest } from "../../spec/docker_registry.ts";
import { defineCommand } from "../command.ts";
import { segment } from "../http/client.ts";
import {
  type ListedManifest,
  listDocument,
  listed,
  noSuchList,
  readList,
  wholeName,
} from "../manifest_lists.ts";
import { print } from "../output.ts";
import { authHeaders } from "../registry_auth/credentials.ts";

export const command = defineCommand({
  usage: "manifest inspect [OPTIONS] [MANIFEST_LIST] MANIFEST",
  operands: { min: 1, max: 2 },
  flags: {
    insecure: { type: "bool", help: "Accepted for Docker's sake: the daemon knows which registries are" },
    verbose: {
      type: "bool",
      short: "v",
      help: "Show references and descriptors, and each image of an index",
    },
  },
  async run({ client, configDir }, { flags, operands }) {
    const name = operands.at(-1) ?? "";
    const local = await readList(configDir, wholeName(operands[0] ?? ""));
    if (local.length > 0) return showLocal(local, { image: operands[1], verbose: flags.verbose });
    const found = await client.json<RegistryManifest>("GET", `/distribution/${segment(name)}/manifest`, {
      headers: await authHeaders(configDir, name),
    });
    if (!flags.verbose) print(`${JSON.stringify(JSON.parse(found.Raw), null, "\t")}\n`);
    else {
      const all = found.Manifests?.map(listed) ?? listed(found);
      print(`${JSON.stringify(all, null, "\t")}\n`);
    }
    return 0;
  },
});

/** A list that is being put together here, or one manifest of it, comes before what a registry has. */
function showLocal(
  list: readonly ListedManifest[],
  { image, verbose }: { image: string | undefined; verbose: boolean },
): number {
  const one = image === undefined ? undefined : list.find(({ Ref }) => Ref === wholeName(image));
  if (image !== undefined && one === undefined) throw noSuchList(wholeName(image));
  if (verbose) print(`${JSON.stringify(one ?? list, null, "\t")}\n`);
  else if (one === undefined) print(`${listDocument(list).text}\n`);
  else print(`${JSON.stringify(JSON.parse(Buffer.from(one.Raw, "base64").toString()), null, "\t")}\n`);
  return 0;
}
