/** Gives a container another name. */

import { FathomError } from "../std/errors.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { checkName } from "./names.ts";
import { wishesOf } from "./network/wishes.ts";
import { writeJson } from "./records.ts";
import { tell } from "./tell.ts";

/** @throws {FathomError} invalid or conflict, in Docker's words. The old name holds until the new one is on disk. */
export async function renameContainer(context: Context, container: Container, wanted: string): Promise<void> {
  const { config, host } = container.record;
  if (wanted === "") throw new FathomError("invalid", "Neither old nor new names may be empty");
  const name = checkNewName(wanted);
  const old = config.Name;
  if (name === old)
    throw new FathomError("invalid", "Renaming a container with the same name as its current name");
  reserve(context, container, name);
  try {
    await writeJson(container.paths.config, { ...config, Name: name }, { sync: !host.AutoRemove });
  } catch (error) {
    context.registry.release(name);
    throw error;
  }
  config.Name = name;
  context.registry.release(old);
  await context.options.networks.setNames(nameOf(container).id, wishesOf(container.record) ?? []);
  tell(context, container, { action: "rename", attributes: { oldName: `/${old}` } });
}

function checkNewName(wanted: string): string {
  try {
    return checkName(wanted);
  } catch (cause) {
    throw prefixed("invalid", cause);
  }
}

function reserve(context: Context, container: Container, name: string): void {
  try {
    context.registry.reserve(name, nameOf(container).id);
  } catch (cause) {
    throw prefixed("conflict", cause);
  }
}

function prefixed(kind: "invalid" | "conflict", cause: unknown): FathomError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FathomError(kind, `Error when allocating new name: ${reason}`, { cause });
}
