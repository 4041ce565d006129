/** `fathom version`. */

import type { SystemVersion } from "../../spec/docker.ts";
import { API_VERSION, GOARCH, VERSION } from "../../std/version.ts";
import { type Context, defineCommand } from "../command.ts";
import { ConnectionError } from "../errors.ts";
import { print, printError } from "../output.ts";

export const command = defineCommand({
  usage: "version [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    format: { type: "string", short: "f", help: "Print with a Go template, or 'json'" },
  },
  async run(context, { flags }) {
    const { server, failure } = await askServer(context);
    const client = clientVersion(context, server);
    if (flags.format) {
      const { printObject } = await import("../format/object.ts");
      const versions = {
        Client: inTemplates(client),
        Server: server === undefined ? null : inTemplates(server),
      };
      const both = flags.format === "json" ? { Client: client, Server: server ?? null } : versions;
      print(printObject(both, flags.format, { type: "system.versionInfo" }));
    } else {
      print(clientText(client) + (server ? `\n${serverText(server)}` : ""));
    }
    if (failure) printError(`${failure.message}\n`);
    return failure ? 1 : 0;
  },
});

async function askServer({ client }: Context): Promise<{ server?: SystemVersion; failure?: Error }> {
  try {
    return { server: await client.json<SystemVersion>("GET", "/version") };
  } catch (error) {
    if (error instanceof ConnectionError) return { failure: error };
    throw error;
  }
}

/** Templates name the field as Docker's program does, JSON as its API does. */
function inTemplates<T extends { ApiVersion: string }>(version: T): T & { APIVersion: string } {
  return { ...version, APIVersion: version.ApiVersion };
}

interface ClientVersion {
  Version: string;
  ApiVersion: string;
  DefaultAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  BuildTime: string;
  Context: string;
}

function clientVersion({ contextName }: Context, server: SystemVersion | undefined): ClientVersion {
  return {
    Version: VERSION,
    ApiVersion: server?.ApiVersion ?? API_VERSION,
    DefaultAPIVersion: API_VERSION,
    GitCommit: "",
    GoVersion: "",
    Os: "linux",
    Arch: GOARCH,
    BuildTime: "",
    Context: contextName,
  };
}

function clientText(client: ClientVersion): string {
  return `Client:
 Version:           ${client.Version}
 API version:       ${client.ApiVersion}
 Bun version:       ${Bun.version}
 OS/Arch:           ${client.Os}/${client.Arch}
 Context:           ${client.Context}
`;
}

/** Rows that a server leaves empty are not shown; the engine's own are the answer's top level. */
function serverText(server: SystemVersion): string {
  const title = server.Platform?.Name ? `Server: ${server.Platform.Name}` : "Server:";
  const [engine, ...others] = server.Components ?? [];
  const rows: [string, string][] = [
    ["Version:", server.Version],
    ["API version:", `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`],
    ["Go version:", server.GoVersion],
    ["Git commit:", server.GitCommit],
    ["Built:", server.BuildTime ? builtAt(engine?.Details?.BuildTime ?? server.BuildTime) : ""],
    ["OS/Arch:", `${server.Os}/${server.Arch}`],
    ["Experimental:", String(server.Experimental ?? false)],
  ];
  const text = rows
    .filter(([, value]) => value !== "")
    .map(([label, value]) => `  ${label.padEnd(18)}${value}\n`);
  const components = others.map(
    ({ Name, Version, Details }) => ` ${Name}:\n${"  Version:".padEnd(20)}${Version}\n${commitRow(Details)}`,
  );
  return `${title}\n Engine:\n${text.join("")}${components.join("")}`;
}

function commitRow(details: Record<string, string> | undefined): string {
  return details?.GitCommit === undefined ? "" : `${"  GitCommit:".padEnd(20)}${details.GitCommit}\n`;
}

/** RFC 3339 as C's asctime writes it; any other text stays. */
function builtAt(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime()) || !time.includes("T")) return time;
  const [weekday, day, month, year, clock] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
