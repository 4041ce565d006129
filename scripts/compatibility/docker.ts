/** What Docker has, as facts in docker_surface.json; made from its API description and its command's own tables. */

import { join } from "node:path";
import { compare } from "./ours.ts";

export interface Surface {
  /** Version of the API. */
  api: string;
  /** `GET /containers/{id}/json`. */
  endpoints: string[];
  /** Long names of flags, without dashes, by command; a command under each of its names. */
  commands: Record<string, string[]>;
}

export async function readSurface(): Promise<Surface> {
  return (await Bun.file(join(import.meta.dir, "docker_surface.json")).json()) as Surface;
}

interface DockerCommand {
  flags: { long: string }[];
  subcommands: string[];
}

/** Reads the reference in a directory: `engine-api-v*.yaml`, and `docker-cli.json` with every command's flags. */
export async function surfaceFrom(directory: string): Promise<Surface> {
  const [description = ""] = [...new Bun.Glob("engine-api-v*.yaml").scanSync(directory)];
  const described = await Bun.file(join(directory, description)).text();
  const cli = (await Bun.file(join(directory, "docker-cli.json")).json()) as Record<string, DockerCommand>;
  const commands = Object.entries(cli)
    .filter(([, { subcommands }]) => subcommands.length === 0)
    .map(([name, { flags }]): [string, string[]] => [name, longNames(flags)])
    .sort(([a], [b]) => compare(a, b));
  return {
    api: /engine-api-v(.*)\.yaml/.exec(description)?.[1] ?? "",
    endpoints: endpointsIn(described),
    commands: Object.fromEntries(commands),
  };
}

function longNames(flags: DockerCommand["flags"]): string[] {
  const names = flags.map(({ long }) => long.replace(/^--/, "")).filter((name) => name !== "help");
  return names.sort();
}

/** Paths stand at the first level of `paths:`, their methods at the second. */
function endpointsIn(yaml: string): string[] {
  const found: string[] = [];
  let path = "";
  for (const line of yaml.slice(yaml.indexOf("\npaths:")).split("\n")) {
    path = /^ {2}"?(\/[^"]*?)"?:\s*$/.exec(line)?.[1] ?? path;
    const method = /^ {4}(get|head|post|put|delete):\s*$/.exec(line)?.[1];
    if (method !== undefined) found.push(`${method.toUpperCase()} ${path}`);
  }
  return found.sort();
}
