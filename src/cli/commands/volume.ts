/** `fathom volume create`, `ls`, `prune` and `rm`; its `inspect` is in inspect.ts. */

import { isatty } from "node:tty";
import type { Volume, VolumeList } from "../../spec/docker_volume.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { forEachName } from "../each.ts";
import { CommandError } from "../errors.ts";
import { formatRows } from "../format/rows.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { VOLUME_HEADINGS, volumeRow } from "../format/volumes.ts";
import { segment } from "../http/client.ts";
import { print } from "../output.ts";
import { pruneVolumes, reclaimed } from "../prune.ts";
import { PLAN_FLAGS, pruneByPlan } from "../prune_plan.ts";
import { parsePairs } from "../run/values.ts";
import { tellTrash } from "../trash_note.ts";

const FILTER = { type: "list", shows: "filter", check: checkFilter } as const;

export const createVolume = defineCommand({
  usage: "volume create [OPTIONS] [VOLUME]",
  operands: { min: 0, max: 1 },
  flags: {
    driver: { type: "string", short: "d", help: "Driver of the volume; only local is there" },
    label: { type: "list", help: "Set a label, NAME=VALUE" },
    opt: { type: "list", short: "o", shows: "map", help: "Set an option of the driver: type, device, o" },
  },
  async run({ client }, { flags, operands }) {
    const volume = await client.json<Volume>("POST", "/volumes/create", {
      json: {
        Name: operands[0] ?? "",
        Driver: flags.driver ?? "local",
        DriverOpts: parsePairs(flags.opt),
        Labels: parsePairs(flags.label),
      },
    });
    print(`${volume.Name}\n`);
    return 0;
  },
});

export const listVolumes = defineCommand({
  usage: "volume ls [OPTIONS]",
  aliases: ["volume ls", "volume list"],
  operands: { min: 0, max: 0 },
  flags: {
    filter: { ...FILTER, short: "f", help: "Show only what matches NAME=VALUE" },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    quiet: { type: "bool", short: "q", help: "Show names only" },
  },
  async run({ client }, { flags }) {
    const query = { filters: filterQuery(flags.filter) };
    const { Volumes } = await client.json<VolumeList>("GET", "/volumes", { query });
    const { compare } = new Intl.Collator("en", { numeric: true });
    const rows = (Volumes ?? []).sort((a, b) => compare(a.Name, b.Name)).map(volumeRow);
    const isAnyLocked = (Volumes ?? []).some(({ Status }) => Status?.Locked);
    const listing = { rows, headings: VOLUME_HEADINGS, type: "*formatter.volumeContext" };
    print(formatRows(listing, layout({ ...flags, isAnyLocked })));
    return 0;
  },
});

interface Layout {
  format: string | undefined;
  quiet: boolean;
  isAnyLocked: boolean;
}

/** Docker's columns, and one more where there is something to say that Docker has no word for. */
function layout({ format, quiet, isAnyLocked }: Layout): string {
  if (format === "raw") return quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n";
  if (format && format !== "table") return format;
  if (quiet) return "{{.Name}}";
  return isAnyLocked ? "table {{.Driver}}\t{{.Name}}\t{{.Status}}" : "table {{.Driver}}\t{{.Name}}";
}

const ANONYMOUS = "anonymous local volumes not used by at least one container";
const ALL = "all local volumes not used by at least one container";

export const pruneCommand = defineCommand({
  usage: "volume prune [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Remove unused volumes that have a name of their own too" },
    filter: { ...FILTER, help: "Remove only what matches NAME=VALUE" },
    force: { type: "bool", short: "f", help: "Do not ask" },
    ...PLAN_FLAGS,
  },
  async run(context, { flags }) {
    if (flags.all && flags.filter.some((filter) => filter.startsWith("all=")))
      throw new CommandError("conflicting options: cannot specify both --all and --filter all=1");
    const filters = flags.all ? [...flags.filter, "all=true"] : flags.filter;
    const wanted = { kinds: ["volume" as const], filters: flags.filter, allVolumes: flags.all };
    const code = await pruneByPlan(context, flags, wanted);
    if (code !== undefined) return code;
    const warning = `WARNING! This will remove ${flags.all ? ALL : ANONYMOUS}.`;
    if (!flags.force && !(await confirm(warning))) return 0;
    const { text, bytes } = await pruneVolumes(context.client, filters);
    print(text + reclaimed(bytes));
    await tellTrash(context);
    return 0;
  },
});

export const removeVolumes = defineCommand({
  usage: "volume rm [OPTIONS] VOLUME [VOLUME...]",
  aliases: ["volume rm", "volume remove"],
  operands: { min: 1 },
  flags: { force: { type: "bool", short: "f", help: "Do not mind what is not there" } },
  async run(context, { flags, operands }) {
    const code = await forEachName(operands, async (name) => {
      await context.client.call("DELETE", `/volumes/${segment(name)}`, { query: { force: flags.force } });
      return `${name}\n`;
    });
    // A script takes whatever else is said for an error.
    if (code === 0 && isatty(2)) await tellTrash(context);
    return code;
  },
});
