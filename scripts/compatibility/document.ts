/** docs/compatibility.md as text. Pure. */

import type { Surface } from "./docker.ts";
import { type TestFile, testsOfEndpoint, testsOfFlag } from "./evidence.ts";
import type { Command, Endpoint } from "./ours.ts";
import { GLOBAL } from "./ours.ts";

export interface Ours {
  endpoints: readonly Endpoint[];
  commands: readonly Command[];
}

/** So many tests are named for each; the first says most. */
const MOST = 2;

const INTRODUCTION = `# Compatibility with Docker
This page is made by \`node_modules/.bin/bun scripts/compatibility.ts write\` from the tables of routes and of flags and
from the text of the tests; \`test/compatibility.test.ts\` fails while it is not what the script prints. Tests in \`test/conformance/\`
run with the \`docker\` command and with \`fathom\` against the same daemon.
`;

/** What the document is made from. */
export interface Sources {
  ours: Ours;
  docker: Surface;
  tests: readonly TestFile[];
  /** The page as it stands: tests that it names stay named while they show what they did, so that no new test changes it. */
  page: string;
}

export function documentOf(sources: Sources): string {
  const { ours, docker } = sources;
  const missing = missingOf(ours, docker);
  return [
    INTRODUCTION,
    `## Endpoints of the API (v${docker.api}, and older versions down to v1.4)\n`,
    endpointTable(sources),
    "## Flags\nA command has the same flags under all its names. Commands without flags are left out.\n",
    ...ours.commands.filter(({ flags }) => flags.length > 0).map((one) => flagTable(one, sources)),
    "## Not yet\nDocker has these. Fathom answers each with one sentence that says so.\n",
    `### Endpoints\n${table(
      ["endpoint"],
      missing.endpoints.map((one) => [code(one)]),
    )}`,
    `### Commands\n${missing.commands.map(code).join(", ")}\n`,
    `### Flags\n${table(["command", "flags"], missing.flags)}`,
  ].join("\n");
}

function endpointTable({ ours, docker, tests, page }: Sources): string {
  const known = new Set(docker.endpoints.map(anonymous));
  const earlier = testsNamed(page, "## Endpoints");
  const rows = ours.endpoints
    .filter(({ notYet }) => !notYet)
    .map((endpoint) => {
      const name = `${endpoint.method} ${endpoint.path}`;
      const own = known.has(anonymous(name)) ? "" : " (not in Docker's description)";
      const cell = code(name) + own;
      return [cell, shownBy(testsOfEndpoint(tests, endpoint), earlier.get(cell))];
    });
  return table(["endpoint", "shown by"], rows);
}

function flagTable(command: Command, { docker, tests, page }: Sources): string {
  const known =
    command.name === GLOBAL ? command.flags.map(({ name }) => name) : dockerFlags(command, docker);
  const title = command.name === GLOBAL ? "Before the command" : code(command.name);
  const earlier = testsNamed(page, `### ${title}`);
  const rows = command.flags
    .filter(({ notYet }) => !notYet)
    .map((flag) => {
      const name = code(flag.short ? `-${flag.short}, --${flag.name}` : `--${flag.name}`);
      const cell = name + (known && !known.includes(flag.name) ? " (Fathom's own)" : "");
      return [cell, shownBy(testsOfFlag(tests, command, flag), earlier.get(cell))];
    });
  const own = known ? "" : " (Fathom's own)";
  return `### ${title}${own}\n${table(["flag", "shown by"], rows)}`;
}

/** Undefined for a command that Docker does not have. */
function dockerFlags({ names }: Command, { commands }: Surface): string[] | undefined {
  const known = names.filter((name) => Object.hasOwn(commands, name));
  return known.length === 0 ? undefined : known.flatMap((name) => commands[name] ?? []);
}

function missingOf(
  ours: Ours,
  docker: Surface,
): { endpoints: string[]; commands: string[]; flags: string[][] } {
  const there = ours.endpoints.filter(({ notYet }) => !notYet);
  const paths = new Set(there.map(({ method, path }) => anonymous(`${method} ${path}`)));
  const names = new Set(ours.commands.flatMap((command) => command.names));
  const flags = ours.commands.flatMap((command) => {
    const has = new Set(command.flags.filter(({ notYet }) => !notYet).map(({ name }) => name));
    const missing = new Set((dockerFlags(command, docker) ?? []).filter((name) => !has.has(name)));
    return missing.size === 0
      ? []
      : [[command.name, [...missing].map((name) => code(`--${name}`)).join(", ")]];
  });
  return {
    endpoints: docker.endpoints.filter((endpoint) => !paths.has(anonymous(endpoint))),
    commands: Object.keys(docker.commands).filter((name) => !names.has(name)),
    flags,
  };
}

/** Whatever its parameters are called. */
function anonymous(endpoint: string): string {
  return endpoint.replace(/\{[^}]*\}/g, "{}");
}

/** The tests by the first cell of their row, in the part of a page that begins with a heading. */
function testsNamed(page: string, heading: string): Map<string, string[]> {
  const begins = `\n${page}`.indexOf(`\n${heading}`);
  const part = begins < 0 ? "" : page.slice(begins + heading.length);
  const rows = part.split(/\n#+ /)[0]?.matchAll(/^\| (.*?) \| (.*) \|$/gm) ?? [];
  return new Map([...rows].map(([, cell = "", links = ""]) => [cell, paths(links)]));
}

function paths(links: string): string[] {
  return [...links.matchAll(/\]\(\.\.\/(.*?)\)/g)].map(([, path = ""]) => path);
}

/** By those tests that were named before, as long as one of them still shows it. */
function shownBy(tests: readonly string[], earlier: readonly string[] = []): string {
  if (tests.length === 0) return "untested";
  const still = earlier.filter((path) => tests.includes(path));
  const named = still.length > 0 ? still : tests.slice(0, MOST);
  return named.map((path) => `[${short(path)}](../${path})`).join(", ");
}

function short(path: string): string {
  return path.replace(/^test\/|\.test\.ts$/g, "");
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return `${line(headings)}|${"---|".repeat(headings.length)}\n${rows.map(line).join("")}`;
}
