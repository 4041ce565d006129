/** What is kept with every record for `logs --details`: chosen labels and variables of the container, and its tag. */

import { cannotBegin, type Options } from "./_option_values.ts";
import type { LogSubject } from "./_subject.ts";

/** Reads the options `labels`, `labels-regex`, `env` and `env-regex`. @throws {FathomError} for what is no regular expression. */
export function attributesOf(options: Options, { env, labels }: LogSubject): Record<string, string> {
  const variables = Object.fromEntries(env.map((text) => splitVariable(text)));
  return {
    ...chosen(labels, { names: options.labels, pattern: options["labels-regex"] }),
    ...chosen(variables, { names: options.env, pattern: options["env-regex"] }),
  };
}

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

function chosen(
  values: Readonly<Record<string, string>>,
  { names, pattern }: { names: string | undefined; pattern: string | undefined },
): Record<string, string> {
  const wanted = new Set(names?.split(",").map((name) => name.trim()));
  const expression = pattern ? expressionOf(pattern) : undefined;
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => wanted.has(name) || expression?.test(name)),
  );
}

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw cannotBegin(`error parsing regexp: ${reason.replace(/^Invalid regular expression: /, "")}`);
  }
}
