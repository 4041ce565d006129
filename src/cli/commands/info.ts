/** `fathom info`. */

import type { SystemInfo } from "../../spec/docker.ts";
import { formatBinarySize } from "../../std/units.ts";
import { VERSION } from "../../std/version.ts";
import { type Context, defineCommand } from "../command.ts";
import { ConnectionError } from "../errors.ts";
import { print, printError } from "../output.ts";

export const command = defineCommand({
  usage: "info [OPTIONS]",
  aliases: ["system info", "info"],
  operands: { min: 0, max: 0 },
  flags: { format: { type: "string", short: "f", help: "Print with a Go template, or 'json'" } },
  async run(context, { flags }) {
    const { info, failure } = await ask(context);
    const ClientInfo = {
      Debug: context.debug,
      Version: VERSION,
      Os: "linux",
      Context: context.contextName,
      Plugins: [],
    };
    if (flags.format) {
      const { printObject } = await import("../format/object.ts");
      print(printObject({ ...info, ClientInfo }, flags.format, { type: "system.dockerInfo" }));
    } else {
      print(clientText(context) + (info ? `\nServer:\n${serverText(info)}\n` : "\nServer:\n"));
      for (const warning of info?.Warnings ?? []) printError(`${warning}\n`);
    }
    if (failure) printError(`${failure.message}\n`);
    return failure ? 1 : 0;
  },
});

async function ask({ client }: Context): Promise<{ info?: SystemInfo; failure?: Error }> {
  try {
    return { info: await client.json<SystemInfo>("GET", "/info") };
  } catch (error) {
    if (error instanceof ConnectionError) return { failure: error };
    throw error;
  }
}

function clientText({ contextName, debug }: Context): string {
  return `Client:\n Version:    ${VERSION}\n Context:    ${contextName}\n Debug Mode: ${debug}\n`;
}

function serverText(info: SystemInfo): string {
  return [...counts(info), ...storage(info), ...plugins(info), ...runtime(info), ...host(info), ...rest(info)]
    .map((line) => ` ${line}\n`)
    .join("");
}

function counts(info: SystemInfo): string[] {
  return [
    `Containers: ${info.Containers}`,
    ` Running: ${info.ContainersRunning}`,
    ` Paused: ${info.ContainersPaused}`,
    ` Stopped: ${info.ContainersStopped}`,
    `Images: ${info.Images}`,
    ...row("Server Version", info.ServerVersion),
  ];
}

function storage(info: SystemInfo): string[] {
  return [
    ...row("Storage Driver", info.Driver),
    ...(info.DriverStatus ?? []).map(([name, value]) => ` ${name}: ${value}`),
    ...row("Logging Driver", info.LoggingDriver),
    ...row("Cgroup Driver", info.CgroupDriver),
    ...row("Cgroup Version", info.CgroupVersion),
  ];
}

function plugins({ Plugins, Swarm }: SystemInfo): string[] {
  return [
    "Plugins:",
    ...row(" Volume", Plugins.Volume?.join(" ")),
    ...row(" Network", Plugins.Network?.join(" ")),
    ...row(" Authorization", Plugins.Authorization?.join(" ")),
    ...row(" Log", Plugins.Log?.join(" ")),
    ...row("Swarm", Swarm?.LocalNodeState),
  ];
}

function runtime(info: SystemInfo): string[] {
  return [
    ...row("Runtimes", Object.keys(info.Runtimes ?? {}).join(" ")),
    ...row("Default Runtime", info.DefaultRuntime),
    ...row("Init Binary", info.InitBinary),
    ...securityOptions(info.SecurityOptions ?? []),
  ];
}

/** `name=seccomp,profile=builtin` as a name and indented properties. */
function securityOptions(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = options.flatMap((option) => {
    const fields = option.split(",").map((field) => field.split("="));
    const name = fields.find(([key]) => key === "name")?.[1] ?? option;
    const others = fields.filter(([key, value]) => key !== "name" && value !== undefined);
    return [
      ` ${name}`,
      ...others.map(([key = "", value]) => `  ${key[0]?.toUpperCase()}${key.slice(1)}: ${value}`),
    ];
  });
  return ["Security Options:", ...lines];
}

function host(info: SystemInfo): string[] {
  return [
    ...row("Kernel Version", info.KernelVersion),
    ...row("Operating System", info.OperatingSystem),
    ...row("OSType", info.OSType),
    ...row("Architecture", info.Architecture),
    `CPUs: ${info.NCPU}`,
    `Total Memory: ${formatBinarySize(info.MemTotal)}`,
    ...row("Name", info.Name),
    ...row("ID", info.ID),
    ...row("Docker Root Dir", info.DockerRootDir),
    `Debug Mode: ${info.Debug}`,
    ...(info.Debug ? [` File Descriptors: ${info.NFd}`, ` System Time: ${info.SystemTime}`] : []),
  ];
}

function rest(info: SystemInfo): string[] {
  const labels = (info.Labels ?? []).map((label) => ` ${label}`);
  return [
    ...row("HTTP Proxy", info.HttpProxy),
    ...row("HTTPS Proxy", info.HttpsProxy),
    ...row("No Proxy", info.NoProxy),
    ...(labels.length > 0 ? ["Labels:", ...labels] : []),
    `Experimental: ${info.ExperimentalBuild}`,
    `Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ];
}

/** A line, or none where there is nothing to say. */
function row(label: string, value: string | undefined): string[] {
  return value ? [`${label}: ${value}`] : [];
}
