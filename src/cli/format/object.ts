/** `--format` for commands that show one object: version, info, events, inspect. */

import {
  execute,
  parseTemplate,
  type Template,
  TemplateError,
  TemplateSyntaxError,
  type Value,
} from "../../std/go_template/mod.ts";
import { CommandError } from "../errors.ts";
import { FUNCTIONS } from "./functions.ts";
import { OPTIONAL_FIELDS, toValue } from "./values.ts";

/** Exit code of a template that cannot be parsed, as the docker command has it for these. */
export const BAD_TEMPLATE = 64;

export interface ObjectOptions {
  /** Docker's name of the object's type, which errors name. */
  type?: string;
  /** Put before the message of a template that fails. */
  prefix?: string;
  /** Its exit code. */
  code?: number;
}

/** The object as a line of JSON for `json`, else what the template makes of it. Throws CommandError. */
export function printObject(object: unknown, format: string, options: ObjectOptions = {}): string {
  if (format === "json") return `${JSON.stringify(object)}\n`;
  return `${fillIn(parse(format), toValue(object), options)}\n`;
}

/** Parses a format. Throws CommandError. */
export function parse(format: string): Template {
  try {
    return parseTemplate(format, FUNCTIONS);
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    throw new CommandError(`template parsing error: ${error.message}`, BAD_TEMPLATE, { cause: error });
  }
}

/** Fills a format in. Throws CommandError. */
export function fillIn(
  template: Template,
  value: Value,
  { type, prefix = "", code = 1 }: ObjectOptions,
): string {
  const missingField = type ? (field: string) => `can't evaluate field ${field} in type ${type}` : undefined;
  try {
    return execute(template, value, {
      functions: FUNCTIONS,
      optionalFields: OPTIONAL_FIELDS,
      ...(missingField && { missingField }),
    });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CommandError(`${prefix}${error.message}`, code, { cause: error });
  }
}
