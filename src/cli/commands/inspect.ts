/** `fathom inspect`, and the `inspect` of containers, images, networks and volumes. */

import type { Isolation } from "../../spec/isolation.ts";
import { type Context, defineCommand } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { print, printError } from "../output.ts";

type Kind = "container" | "image" | "network" | "volume";

/** Types of objects that Docker inspects; those not in Kind are not in Fathom yet. */
const DOCKER_TYPES = [
  "config",
  "container",
  "image",
  "network",
  "node",
  "plugin",
  "secret",
  "service",
  "task",
  "volume",
];

const FORMAT = { type: "string", short: "f", help: "Print with a Go template, or 'json'" } as const;
const SIZE = { type: "bool", short: "s", help: "Add how much a container has written" } as const;

export const command = defineCommand({
  usage: "inspect [OPTIONS] NAME|ID [NAME|ID...]",
  operands: { min: 1 },
  flags: {
    format: FORMAT,
    size: SIZE,
    isolation: { type: "bool", help: "Tell what a container can do to its host and what it cannot" },
    type: { type: "string", help: "Look only for things of this type: container, image, network or volume" },
  },
  run: (context, { flags, operands }) =>
    flags.isolation
      ? printIsolation(context, operands, flags.format)
      : inspectAll(context, operands, { ...flags, kinds: kindsOf(flags.type), anyType: !flags.type }),
});

/** Text for people; any format that is asked for gets the data. */
async function printIsolation(
  { client }: Context,
  names: readonly string[],
  format: string | undefined,
): Promise<number> {
  const { tellIsolation } = await import("../isolation.ts");
  const found = await Promise.all(
    names.map((name) => client.json<Isolation>("GET", `/containers/${segment(name)}/isolation`)),
  );
  print(format ? await render(found, format) : found.map(tellIsolation).join("\n"));
  return 0;
}

export const inspectContainer = defineCommand({
  usage: "container inspect [OPTIONS] CONTAINER [CONTAINER...]",
  operands: { min: 1 },
  flags: { format: FORMAT, size: SIZE },
  run: (context, { flags, operands }) =>
    inspectAll(context, operands, { ...flags, kinds: ["container"], anyType: false }),
});

export const inspectImage = defineCommand({
  usage: "image inspect [OPTIONS] IMAGE [IMAGE...]",
  operands: { min: 1 },
  flags: { format: FORMAT },
  run: (context, { flags, operands }) =>
    inspectAll(context, operands, { ...flags, size: false, kinds: ["image"], anyType: false }),
});

export const inspectVolume = defineCommand({
  usage: "volume inspect [OPTIONS] VOLUME [VOLUME...]",
  operands: { min: 1 },
  flags: { format: FORMAT },
  run: (context, { flags, operands }) =>
    inspectAll(context, operands, { ...flags, size: false, kinds: ["volume"], anyType: false }),
});

export const inspectNetwork = defineCommand({
  usage: "network inspect [OPTIONS] NETWORK [NETWORK...]",
  operands: { min: 1 },
  flags: {
    format: FORMAT,
    verbose: { type: "bool", short: "v", help: "Show more, for those who look for a fault" },
  },
  run: (context, { flags, operands }) =>
    inspectAll(context, operands, { ...flags, size: false, kinds: ["network"], anyType: false }),
});

const KINDS: readonly Kind[] = ["container", "image", "network", "volume"];
/** Whose path ends in `/json`: the others came to the API later. */
const WITH_SUFFIX: readonly Kind[] = ["container", "image"];

function kindsOf(type: string | undefined): Kind[] {
  if (!type) return [...KINDS];
  const kind = KINDS.find((known) => known === type);
  if (kind !== undefined) return [kind];
  if (DOCKER_TYPES.includes(type))
    throw new CommandError(`Fathom does not have things of type ${JSON.stringify(type)} yet`);
  const known = DOCKER_TYPES.map((name) => JSON.stringify(name)).join(", ");
  throw new CommandError(`unknown type: ${JSON.stringify(type)}: must be one of ${known}`);
}

interface Wishes {
  format: string | undefined;
  size: boolean;
  kinds: readonly Kind[];
  /** Nobody said what the names are names of. */
  anyType: boolean;
}

/** What is found is printed, then what is not is complained of, and the code is 1 if anything was missing. */
async function inspectAll(context: Context, names: readonly string[], wishes: Wishes): Promise<number> {
  const results = await Promise.all(names.map((name) => find(context, name, wishes)));
  const found = results.flatMap((result) => ("object" in result ? [result.object] : []));
  const missing = results.flatMap((result) => ("problem" in result ? [result.problem] : []));
  print(await render(found, wishes.format));
  if (missing.length === 0) return 0;
  printError(`${missing.join("\n")}\n`);
  return 1;
}

type Found = { object: unknown } | { problem: string };

async function find({ client }: Context, name: string, { kinds, size, anyType }: Wishes): Promise<Found> {
  let problem = "";
  for (const kind of kinds) {
    try {
      const path = `/${kind}s/${segment(name)}${WITH_SUFFIX.includes(kind) ? "/json" : ""}`;
      return { object: await client.json("GET", path, { query: { size: size && kind === "container" } }) };
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      if (anyType && error.status !== 404) return { problem: error.message };
      problem = anyType ? `Error: No such object: ${name}` : error.message;
    }
  }
  return { problem };
}

async function render(objects: readonly unknown[], format: string | undefined): Promise<string> {
  if (!format) return `${JSON.stringify(objects, null, 4)}\n`;
  if (format === "json") return `${JSON.stringify(objects)}\n`;
  const { fillIn, parse } = await import("../format/object.ts");
  const { toValue } = await import("../format/values.ts");
  const template = parse(format);
  const lines: string[] = [];
  if (objects.length === 0) return "\n";
  try {
    for (const object of objects) lines.push(`${fillIn(template, toValue(object), {})}\n`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // The docker command ends the line it was about to write.
    print(`${lines.join("")}\n`);
    throw new CommandError(`template parsing error: ${error.message}`, error.code, { cause: error });
  }
  return lines.join("");
}
