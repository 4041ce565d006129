/** Walks a template's tree over data. */

import { messageOf } from "../errors.ts";
import { ArgumentError, BUILTINS, type Builtin } from "./_functions.ts";
import type { Command, Node, Operand, Pipe, Template } from "./_parse.ts";
import {
  type Functions,
  formatValue,
  isMap,
  isSlice,
  isStruct,
  isTrue,
  type Struct,
  sortedKeys,
  typeName,
  type Value,
} from "./_value.ts";

const MAX_DEPTH = 100;

/** A template that failed on its data. The message is Go's whole sentence. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

interface ExecuteOptions {
  /** Functions beside the predefined ones; the names given to the parser. */
  functions?: Functions;
  /** What to say of a field that a struct lacks; Docker says it in two ways. */
  missingField?: (field: string) => string;
  /** Fields that may be absent from a struct and are nil then. */
  optionalFields?: ReadonlySet<string>;
}

interface Run {
  template: Template;
  options: ExecuteOptions;
  output: string[];
  /** Variables in sight, innermost last. */
  variables: { name: string; value: Value }[];
  depth: number;
}

interface Place {
  at: number;
  text: string;
}

/** How a list of nodes ended: at its end, or by `break` or `continue`. */
type Flow = "next" | "break" | "continue";

/** Fills a template in. Throws TemplateError. */
export function execute(template: Template, data: Value, options: ExecuteOptions = {}): string {
  const run: Run = { template, options, output: [], variables: [{ name: "$", value: data }], depth: 0 };
  walk(run, template.body, data);
  return run.output.join("");
}

function walk(run: Run, nodes: readonly Node[], dot: Value): Flow {
  for (const node of nodes) {
    const flow = walkNode(run, node, dot);
    if (flow !== "next") return flow;
  }
  return "next";
}

function walkNode(run: Run, node: Node, dot: Value): Flow {
  switch (node.kind) {
    case "text":
      run.output.push(node.text);
      return "next";
    case "action": {
      const value = evaluatePipe(run, node.pipe, dot);
      if (node.pipe.variables.length === 0) run.output.push(printed(value));
      return "next";
    }
    case "break":
    case "continue":
      return node.kind;
    case "template":
      callTemplate(run, node, dot);
      return "next";
    case "if":
    case "with":
    case "range":
      return inScope(run, () => walkControl(run, node, dot));
  }
}

/** What an action prints: only here is "no value" told apart from nil. */
function printed(value: Value): string {
  return value === undefined ? "<no value>" : formatValue(value);
}

function inScope<T>(run: Run, act: () => T): T {
  const mark = run.variables.length;
  const result = act();
  run.variables.length = mark;
  return result;
}

type Control = Extract<Node, { body: Node[] }>;

function walkControl(run: Run, node: Control, dot: Value): Flow {
  const value = evaluatePipe(run, node.pipe, dot);
  if (node.kind === "range") return walkRange(run, node, value, dot);
  if (!isTrue(value)) return walk(run, node.otherwise, dot);
  return walk(run, node.body, node.kind === "with" ? value : dot);
}

function walkRange(run: Run, node: Control, value: Value, dot: Value): Flow {
  const items = itemsOf(run, node.pipe, value);
  if (items.length === 0) return walk(run, node.otherwise, dot);
  const [first, second] = node.pipe.variables;
  for (const [key, item] of items) {
    const flow = inScope(run, () => {
      if (first !== undefined) assign(run, first, second === undefined ? item : key, node.pipe.declares);
      if (second !== undefined) assign(run, second, item, node.pipe.declares);
      return walk(run, node.body, item);
    });
    if (flow === "break") break;
  }
  return "next";
}

/** Keys and items that range visits. */
function itemsOf(run: Run, pipe: Pipe, value: Value): [Value, Value][] {
  if (value == null) return [];
  if (isSlice(value)) return value.map((item, at) => [at, item]);
  if (isMap(value)) return sortedKeys(value).map((key) => [key, value.get(key)]);
  if (isStruct(value)) {
    return Object.keys(value)
      .sort()
      .map((key) => [key, value[key]]);
  }
  if (typeof value === "number" && Number.isInteger(value)) {
    return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at]);
  }
  const place = pipe.commands.at(-1) ?? { at: pipe.at, text: "" };
  return fail(run, place, `range can't iterate over ${formatValue(value)}`);
}

function callTemplate(run: Run, node: Extract<Node, { kind: "template" }>, dot: Value): void {
  const place = { at: node.at, text: `{{template ${JSON.stringify(node.name)}}}` };
  const body = run.template.defined.get(node.name);
  if (!body) fail(run, place, `template ${JSON.stringify(node.name)} not defined`);
  if (run.depth >= MAX_DEPTH) fail(run, place, `exceeded maximum template depth (${MAX_DEPTH})`);
  const data = node.pipe ? evaluatePipe(run, node.pipe, dot) : undefined;
  const outer = run.variables;
  run.variables = [{ name: "$", value: data }];
  run.depth++;
  walk(run, body, data);
  run.depth--;
  run.variables = outer;
}

function evaluatePipe(run: Run, pipe: Pipe, dot: Value): Value {
  let value: Value;
  pipe.commands.forEach((command, at) => {
    value = evaluateCommand(run, command, { dot, piped: at > 0 ? { value } : null });
  });
  const ranges = pipe.variables.length > 1;
  const [name] = pipe.variables;
  if (name !== undefined && !ranges) assign(run, name, value, pipe.declares);
  return value;
}

function assign(run: Run, name: string, value: Value, declares: boolean): void {
  const known = run.variables.findLast((variable) => variable.name === name);
  if (declares || !known) run.variables.push({ name, value });
  else known.value = value;
}

interface Input {
  dot: Value;
  /** The value of the command before, which becomes the last argument. */
  piped: { value: Value } | null;
}

function evaluateCommand(run: Run, command: Command, input: Input): Value {
  const [head, ...rest] = command.operands;
  if (!head) throw new Error("the parser gives every command an operand");
  if (head.kind === "call") return callFunction(run, command, input);
  if (head.kind === "nil") return fail(run, head, "nil is not a command");
  const value = evaluateOperand(run, head, input.dot);
  if (typeof value === "function") {
    return guarded(run, command, () => value(...argumentsOf(run, rest, input)));
  }
  if (rest.length === 0 && !input.piped) return value;
  if (head.kind === "fields") fail(run, head, `${head.fields.at(-1)} is not a method but has arguments`);
  return fail(run, head, `can't give argument to non-function ${head.text}`);
}

function argumentsOf(run: Run, operands: readonly Operand[], { dot, piped }: Input): Value[] {
  const values = operands.map((operand) => evaluateArgument(run, operand, dot));
  return piped ? [...values, piped.value] : values;
}

function evaluateArgument(run: Run, operand: Operand, dot: Value): Value {
  if (operand.kind === "nil") return null;
  const value = evaluateOperand(run, operand, dot);
  return typeof value === "function" ? guarded(run, operand, () => value()) : value;
}

function callFunction(run: Run, command: Command, input: Input): Value {
  const [head, ...rest] = command.operands;
  if (head?.kind !== "call") throw new Error("only a call is called");
  const given = rest.length + (input.piped ? 1 : 0);
  if (head.name === "and" || head.name === "or") {
    if (given === 0) fail(run, head, `wrong number of args for ${head.name}: want at least 1 got 0`);
    return shortCircuit(run, head.name, { operands: rest, input });
  }
  const known = builtin(run, head.name);
  if (given < known.min || given > known.max) {
    const wanted = known.min === known.max ? `${known.min}` : `at least ${known.min}`;
    fail(run, head, `wrong number of args for ${head.name}: want ${wanted} got ${given}`);
  }
  const values = argumentsOf(run, rest, input);
  try {
    return known.call(...values);
  } catch (error) {
    if (error instanceof ArgumentError) return fail(run, rest[error.index] ?? command, error.message);
    return fail(run, command, `error calling ${head.name}: ${messageOf(error)}`);
  }
}

function builtin(run: Run, name: string): Builtin {
  const own = run.options.functions;
  const custom = own && Object.hasOwn(own, name) ? own[name] : undefined;
  if (custom) return { min: custom.length, max: custom.length, call: custom };
  const known = BUILTINS[name];
  if (!known) throw new Error(`the parser let an unknown function through: ${name}`);
  return known;
}

function shortCircuit(
  run: Run,
  name: "and" | "or",
  call: { operands: readonly Operand[]; input: Input },
): Value {
  const { operands, input } = call;
  let value: Value;
  for (const operand of operands) {
    value = evaluateArgument(run, operand, input.dot);
    if (isTrue(value) === (name === "or")) return value;
  }
  return input.piped ? input.piped.value : value;
}

function evaluateOperand(run: Run, operand: Operand, dot: Value): Value {
  switch (operand.kind) {
    case "dot":
      return dot;
    case "nil":
      return fail(run, operand, "nil is not a command");
    case "literal":
      return operand.value;
    case "call":
      return callFunction(
        run,
        { operands: [operand], at: operand.at, text: operand.text },
        { dot, piped: null },
      );
    case "variable": {
      const variable = run.variables.findLast(({ name }) => name === operand.name);
      return follow(run, operand, variable?.value);
    }
    case "fields":
      return follow(run, operand, dot);
    case "pipe":
      return follow(
        run,
        operand,
        inScope(run, () => evaluatePipe(run, operand.pipe, dot)),
      );
  }
}

function follow(run: Run, operand: Operand & { fields: string[] }, start: Value): Value {
  return operand.fields.reduce<Value>((value, field) => {
    const receiver = typeof value === "function" ? guarded(run, operand, () => value()) : value;
    return fieldOf(run, operand, { receiver, field });
  }, start);
}

function fieldOf(run: Run, place: Place, { receiver, field }: { receiver: Value; field: string }): Value {
  if (receiver === undefined) return undefined;
  if (receiver === null) return fail(run, place, `nil pointer evaluating interface {}.${field}`);
  if (isMap(receiver)) return receiver.get(field);
  if (!isStruct(receiver))
    return fail(run, place, `can't evaluate field ${field} in type ${typeName(receiver)}`);
  return structField(run, place, { receiver, field });
}

function structField(
  run: Run,
  place: Place,
  { receiver, field }: { receiver: Struct; field: string },
): Value {
  if (field in receiver && !(field in Object.prototype)) return receiver[field];
  const { missingField, optionalFields } = run.options;
  if (optionalFields?.has(field)) return null;
  return fail(run, place, missingField?.(field) ?? `map has no entry for key ${JSON.stringify(field)}`);
}

function guarded(run: Run, place: Place, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    return fail(run, place, messageOf(error));
  }
}

function fail(run: Run, place: Place, problem: string): never {
  const before = run.template.source.slice(0, place.at);
  const line = before.split("\n").length;
  const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
  throw new TemplateError(`template: :${line}:${column}: executing "" at <${place.text}>: ${problem}`);
}
