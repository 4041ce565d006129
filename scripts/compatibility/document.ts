/** docs/compatibility.md as text. Pure. */

import type { Surface } from "./docker.ts";
import { type TestFile, testsOfEndpoint, testsOfFlag } from "./evidence.ts";
import type { Command, Endpoint } from "./ours.ts";
import { GLOBAL } from "./ours.ts";

export interface Ours {
  endpoints: readonly Endpoint[];
  commands: readonly Command[];
}

const INTRODUCTION = `# Compatibility with Docker
This page is made by \`node_modules/.bin/bun scripts/compatibility.ts > docs/compatibility.md\` from the tables of routes and of flags and
from the text of the tests; \`test/compatibility.test.ts\` fails while it is not what the script prints. Tests in \`test/conformance/\`
run with the \`docker\` command and with \`fathom\` against the same daemon.
`;

export function documentOf(ours: Ours, docker: Surface, tests: readonly TestFile[]): string {
  const missing = missingOf(ours, docker);
  return [
    INTRODUCTION,
    `## Endpoints of the API (v${docker.api}, and older versions down to v1.4)\n`,
    endpointTable(ours, docker, tests),
    "## Flags\nA command has the same flags under all its names. Commands without flags are left out.\n",
    ...ours.commands.filter(({ flags }) => flags.length > 0).map((one) => flagTable(one, docker, tests)),
    "## Not yet\nDocker has these. Fathom answers each with one sentence that says so.\n",
    `### Endpoints\n${table(
      ["endpoint"],
      missing.endpoints.map((one) => [code(one)]),
    )}`,
    `### Commands\n${missing.commands.map(code).join(", ")}\n`,
    `### Flags\n${table(["command", "flags"], missing.flags)}`,
  ].join("\n");
}

function endpointTable({ endpoints }: Ours, docker: Surface, tests: readonly TestFile[]): string {
  const known = new Set(docker.endpoints.map(anonymous));
  const rows = endpoints
    .filter(({ notYet }) => !notYet)
    .map((endpoint) => {
      const name = `${endpoint.method} ${endpoint.path}`;
      const own = known.has(anonymous(name)) ? "" : " (not in Docker's description)";
      return [code(name) + own, shownBy(testsOfEndpoint(tests, endpoint))];
    });
  return table(["endpoint", "shown by"], rows);
}

function flagTable(command: Command, docker: Surface, tests: readonly TestFile[]): string {
  const known =
    command.name === GLOBAL ? command.flags.map(({ name }) => name) : dockerFlags(command, docker);
  const rows = command.flags
    .filter(({ notYet }) => !notYet)
    .map((flag) => {
      const name = code(flag.short ? `-${flag.short}, --${flag.name}` : `--${flag.name}`);
      const own = known && !known.includes(flag.name) ? " (Fathom's own)" : "";
      return [name + own, shownBy(testsOfFlag(tests, command, flag))];
    });
  const own = known ? "" : " (Fathom's own)";
  const title = command.name === GLOBAL ? "Before the command" : code(command.name);
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

function shownBy(paths: readonly string[]): string {
  return paths.length === 0 ? "untested" : paths.map((path) => `[${short(path)}](../${path})`).join(", ");
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
