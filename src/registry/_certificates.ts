/**
 * Certificates for one registry: `*.crt` are authorities, `*.cert` with the `*.key` of the same name are ours, in
 * DIRECTORY/HOST[:PORT]/ (Docker's documentation, "Verify repository client with certificates").
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/** As fetch takes it. */
export interface Certificates {
  ca?: string[];
  cert?: string[];
  key?: string[];
}

/** @param host with its port, as in the reference. @throws {FathomError} invalid, for a certificate without its key */
export async function certificatesFor(host: string, directories: readonly string[]): Promise<Certificates> {
  const found: Required<Certificates> = { ca: [], cert: [], key: [] };
  for (const directory of directories) await collectFrom(join(directory, host), found);
  return {
    // What is added to the public authorities does not take their place.
    ...(found.ca.length > 0 && { ca: [...rootCertificates, ...found.ca] }),
    ...(found.cert.length > 0 && { cert: found.cert, key: found.key }),
  };
}

async function collectFrom(directory: string, found: Required<Certificates>): Promise<void> {
  const names = (await readdir(directory).catch(ifAbsent<string[]>([]))).sort();
  for (const name of names) {
    const read = () => readFile(join(directory, name), "utf8");
    if (name.endsWith(".crt")) found.ca.push(await read());
    if (name.endsWith(".cert")) {
      const key = name.replace(/\.cert$/, ".key");
      if (!names.includes(key)) throw unpaired(directory, { there: name, missing: key });
      found.cert.push(await read());
      found.key.push(await readFile(join(directory, key), "utf8"));
    }
    if (name.endsWith(".key") && !names.includes(name.replace(/\.key$/, ".cert"))) {
      throw unpaired(directory, { there: name, missing: name.replace(/\.key$/, ".cert") });
    }
  }
}

function unpaired(directory: string, { there, missing }: { there: string; missing: string }): FathomError {
  return new FathomError(
    "invalid",
    `${join(directory, there)} needs ${missing} beside it: CA certificates end in .crt`,
  );
}
