/** What a container's records lack: fields that the build which wrote them did not know, or all of them where they are damaged. */

import type { FullConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { type FullHostConfig, fillHostConfig } from "./host_config.ts";
import { type ContainerRecord, FRESH_STATE, NEVER } from "./records.ts";

const EMPTY: FullConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

/** The record with every field of this build: as in a new container that asks for the same. What it says stays, null as well. */
export function completed(context: Context, record: ContainerRecord): ContainerRecord {
  const { config, host } = record;
  return {
    ...record,
    config: { ...config, Config: { ...EMPTY, ...config.Config } },
    host: { ...hostDefaults(context, host), ...host },
  };
}

/** A container of which only the ID is known, and why. */
export function deadRecord(
  context: Context,
  { id, damage }: { id: string; damage: string },
): ContainerRecord {
  return {
    config: { Id: id, Name: id, Created: NEVER, Image: "sha256:", Config: EMPTY, MountPoints: [] },
    host: hostDefaults(context, {}),
    state: { ...FRESH_STATE, Status: "dead", Error: damage },
  };
}

function hostDefaults({ options, host }: Context, known: Partial<FullHostConfig>): FullHostConfig {
  return fillHostConfig(known, host, { ...options.defaults, runtime: options.defaultRuntime });
}
