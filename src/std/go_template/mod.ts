/**
 * Go's text/template, as far as the `--format` flags of the docker command need it: parse once, execute on data.
 *
 * Owns: the language of https://pkg.go.dev/text/template (actions, pipelines, variables, if, with, range, define, template,
 * break, continue, trim markers, comments), its predefined functions, fmt's verbs, and Go's wording of the errors.
 * Does not own: Docker's helper functions (json, join, …) and what a row's fields are: the caller hands those in.
 *
 * Invariants: pure; no data is ever executed as code; a template that loops for ever cannot be written in the language, since
 * `template` may not be nested deeper than MAX_DEPTH.
 *
 *     const template = parseTemplate("{{.Name}}: {{range .Tags}}{{.}} {{end}}");
 *     execute(template, { Name: "a", Tags: ["x", "y"] });   // "a: x y "
 */

import { BUILTINS } from "./_functions.ts";
import { parseWith, type Template } from "./_parse.ts";
import type { Functions } from "./_value.ts";

export { execute, TemplateError } from "./_execute.ts";
export { ArgumentError } from "./_functions.ts";
export { TemplateSyntaxError } from "./_lex.ts";
export type { Template } from "./_parse.ts";
export { type Functions, nilMap, nilSlice, type Struct, toJson, type Value } from "./_value.ts";

/** Parses a template that may call Go's predefined functions and `functions`. Throws TemplateSyntaxError. */
export function parseTemplate(source: string, functions: Functions = {}): Template {
  return parseWith(source, new Set(["and", "or", ...Object.keys(BUILTINS), ...Object.keys(functions)]));
}
