/** The program of a hook that is run in the container's namespaces with a path of the host. */

import { type Call, type Successor, successor, text, texts } from "../../kernel/mod.ts";
import type { Hook, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { enterContainer } from "./exec.ts";
import { prctl } from "./rows.ts";
import { descriptorRows, keepRow } from "./terminal.ts";
import { BECOME_ROOT, hasUserNamespace } from "./user_namespace.ts";

/** A createContainer hook: a program of the host in the container's namespaces, while those still show the host's files. */
export function hookProgram(
  config: RuntimeConfig,
  { path, args = [path], env = [] }: Hook,
  context: { pidfd: number; streams: readonly [number, number, number] },
): { rows: Call[]; successor: Successor } {
  const made = successor({ namespaces: 0 });
  const rows: Call[] = [
    prctl("SET_DUMPABLE", [0], "let nobody trace this process"),
    ...descriptorRows({ descriptors: context.streams, owned: [] }),
    enterContainer(config, context.pidfd),
    ...(hasUserNamespace(config) ? BECOME_ROOT : []),
    made.birth,
    made.parting,
    keepRow(0),
    { call: "execve", args: [text(path), texts(args), texts(env)], what: `run the hook ${path}` },
  ];
  return { rows, successor: made };
}
