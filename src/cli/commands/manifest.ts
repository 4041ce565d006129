/** `fathom manifest inspect`. */

import type { RegistryManifest } from "../../spec/docker_registry.ts";
import { defineCommand } from "../command.ts";
import { segment } from "../http/client.ts";
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
    const found = await client.json<RegistryManifest>("GET", `/distribution/${segment(name)}/manifest`, {
      headers: await authHeaders(configDir, name),
    });
    if (!flags.verbose) print(`${JSON.stringify(JSON.parse(found.Raw), null, "\t")}\n`);
    else {
      const all = found.Manifests?.map(verbose) ?? verbose(found);
      print(`${JSON.stringify(all, null, "\t")}\n`);
    }
    return 0;
  },
});

/** In the docker command's form: the document itself under the name of its kind. */
function verbose({ Ref, Descriptor, Raw }: RegistryManifest) {
  const isDocker = Descriptor.mediaType.startsWith("application/vnd.docker");
  const key = isDocker ? "SchemaV2Manifest" : "OCIManifest";
  const raw = Buffer.from(Raw).toString("base64");
  return { Ref, Descriptor, Raw: raw, [key]: JSON.parse(Raw) };
}
