/** From an exec to the OCI process that a runtime starts in the container. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { linkedVariables } from "../network/links.ts";
import { environment } from "../plan/plan.ts";
import { resolveUser } from "../plan/users.ts";
import type { Exec } from "./state.ts";

/** The container's own process, with what the exec asks for in place of it. */
export async function planExec(context: Context, container: Container, exec: Exec): Promise<Process> {
  const { images } = context.options;
  const { id } = nameOf(container);
  const [bundle, passwd = "", group = ""] = await Promise.all([
    readFile(join(container.bundle, "config.json"), "utf8"),
    images.readFile(id, "/etc/passwd"),
    images.readFile(id, "/etc/group"),
  ]);
  const { process: own } = JSON.parse(bundle) as RuntimeConfig;
  const { record } = container;
  const { request } = exec;
  const user = resolveUser(
    request.User || record.config.Config.User,
    { passwd, group },
    record.host.GroupAdd ?? [],
  );
  const { terminal: _, consoleSize: __, ...rest } = own;
  return {
    ...rest,
    ...(request.Tty && { terminal: true }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: request.Cmd,
    env: environment(record.config, {
      home: user.home,
      tty: request.Tty ?? false,
      linked: linkedVariables(context, container),
      more: request.Env ?? [],
    }),
    cwd: request.WorkingDir || record.config.Config.WorkingDir || "/",
    ...(own.capabilities && {
      capabilities: capabilities(context, own.capabilities, { exec, uid: user.uid }),
    }),
  };
}

type Sets = NonNullable<Process["capabilities"]>;

function capabilities(context: Context, own: Sets, { exec, uid }: { exec: Exec; uid: number }): Sets {
  const bounding = exec.request.Privileged ? [...context.host.capabilities] : own.bounding;
  const effective = uid === 0 ? bounding : [];
  return { bounding, effective, permitted: effective, inheritable: [], ambient: [] };
}
