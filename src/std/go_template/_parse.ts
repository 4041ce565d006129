/** From tokens to a tree, after the grammar in https://pkg.go.dev/text/template. */

import { lex, lineOf, TemplateSyntaxError, type Token } from "./_lex.ts";
import type { Value } from "./_value.ts";

export interface Template {
  body: Node[];
  /** Bodies of `define` and `block`, by name. */
  defined: ReadonlyMap<string, Node[]>;
  source: string;
}

export type Node =
  | { kind: "text"; text: string }
  | { kind: "action"; pipe: Pipe }
  | { kind: "if" | "with" | "range"; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: "break" | "continue" }
  | { kind: "template"; name: string; pipe: Pipe | null; at: number };

/** `$a, $b := command | command`. */
export interface Pipe {
  variables: string[];
  /** True for `:=`, false for `=`; without variables, nothing. */
  declares: boolean;
  commands: Command[];
  at: number;
}

export interface Command {
  operands: Operand[];
  /** Position and text, which errors quote. */
  at: number;
  text: string;
}

export type Operand = (
  | { kind: "dot" }
  | { kind: "nil" }
  | { kind: "literal"; value: Value }
  | { kind: "call"; name: string }
  | { kind: "variable"; name: string; fields: string[] }
  | { kind: "fields"; fields: string[] }
  | { kind: "pipe"; pipe: Pipe; fields: string[] }
) & { at: number; text: string };

interface Parser {
  source: string;
  tokens: Token[];
  next: number;
  /** Names a call may have. */
  functions: ReadonlySet<string>;
  /** Variables in sight, innermost last. */
  variables: string[];
  defined: Map<string, Node[]>;
  loops: number;
}

/** Parses a template; `functions` are the names it may call. Throws TemplateSyntaxError in Go's words. */
export function parseWith(source: string, functions: ReadonlySet<string>): Template {
  const tokens = lex(source);
  const parser: Parser = {
    source,
    tokens,
    next: 0,
    functions,
    variables: ["$"],
    defined: new Map(),
    loops: 0,
  };
  const body = parseList(parser);
  if (body.stop !== "eof") fail(parser, `unexpected {{${body.stop}}}`);
  return { body: body.nodes, defined: parser.defined, source };
}

type Stop = "eof" | "end" | "else";

/** Nodes up to `{{end}}`, `{{else` (its closing not yet read) or the end of the text. */
function parseList(parser: Parser): { nodes: Node[]; stop: Stop } {
  const nodes: Node[] = [];
  for (;;) {
    const token = take(parser);
    if (token.kind === "eof") return { nodes, stop: "eof" };
    if (token.kind === "text") {
      nodes.push({ kind: "text", text: token.text });
      continue;
    }
    skipSpace(parser);
    const word = peek(parser).kind === "word" ? peek(parser).text : "";
    if (word === "end") {
      parser.next++;
      expectClose(parser, "end");
      return { nodes, stop: "end" };
    }
    if (word === "else") {
      parser.next++;
      return { nodes, stop: "else" };
    }
    const node = parseAction(parser, word);
    if (node) nodes.push(node);
  }
}

function parseAction(parser: Parser, word: string): Node | null {
  switch (word) {
    case "if":
    case "with":
    case "range":
      parser.next++;
      return parseControl(parser, word);
    case "break":
    case "continue":
      parser.next++;
      if (parser.loops === 0) fail(parser, `{{${word}}} outside {{range}}`);
      expectClose(parser, word);
      return { kind: word };
    case "define":
    case "block":
      parser.next++;
      return parseDefinition(parser, word);
    case "template":
      parser.next++;
      return parseTemplateCall(parser);
    default: {
      const pipe = parsePipe(parser, "command");
      expectClose(parser, "command");
      return { kind: "action", pipe };
    }
  }
}

function parseControl(parser: Parser, kind: "if" | "with" | "range"): Node {
  const scope = parser.variables.length;
  const pipe = parsePipe(parser, kind);
  expectClose(parser, kind);
  if (kind === "range") parser.loops++;
  const body = parseList(parser);
  if (kind === "range") parser.loops--;
  if (body.stop === "eof") fail(parser, "unexpected EOF");
  const otherwise = body.stop === "else" ? parseElse(parser, kind) : [];
  parser.variables.length = scope;
  return { kind, pipe, body: body.nodes, otherwise };
}

/** After `{{else`: `else if` and `else with` nest without an `end` of their own. */
function parseElse(parser: Parser, kind: "if" | "with" | "range"): Node[] {
  skipSpace(parser);
  const token = peek(parser);
  if (kind !== "range" && token.kind === "word" && token.text === kind) {
    parser.next++;
    return [parseControl(parser, kind)];
  }
  expectClose(parser, "else");
  const rest = parseList(parser);
  if (rest.stop === "else") fail(parser, "expected end; found {{else}}");
  if (rest.stop === "eof") fail(parser, "unexpected EOF");
  return rest.nodes;
}

function parseDefinition(parser: Parser, kind: "define" | "block"): Node | null {
  skipSpace(parser);
  const at = peek(parser).at;
  const name = unquote(parser, expect(parser, "string", `${kind} clause`));
  skipSpace(parser);
  const pipe = kind === "block" ? parsePipe(parser, kind) : null;
  expectClose(parser, kind);
  const outer = parser.variables;
  parser.variables = ["$"];
  const body = parseList(parser);
  parser.variables = outer;
  if (body.stop !== "end") fail(parser, body.stop === "eof" ? "unexpected EOF" : "unexpected {{else}}");
  parser.defined.set(name, body.nodes);
  return kind === "block" ? { kind: "template", name, pipe, at } : null;
}

function parseTemplateCall(parser: Parser): Node {
  skipSpace(parser);
  const at = peek(parser).at;
  const name = unquote(parser, expect(parser, "string", "template clause"));
  skipSpace(parser);
  const pipe = peek(parser).kind === "close" ? null : parsePipe(parser, "template clause");
  expectClose(parser, "template clause");
  return { kind: "template", name, pipe, at };
}

function parsePipe(parser: Parser, context: string): Pipe {
  skipSpace(parser);
  const at = peek(parser).at;
  const { variables, declares } = parseDeclaration(parser, context);
  const commands: Command[] = [];
  do {
    skipSpace(parser);
    commands.push(parseCommand(parser, context));
    skipSpace(parser);
  } while (accept(parser, "|"));
  if (declares) parser.variables.push(...variables);
  return { variables, declares, commands, at };
}

function parseDeclaration(parser: Parser, context: string): { variables: string[]; declares: boolean } {
  const start = parser.next;
  const variables: string[] = [];
  while (peek(parser).kind === "variable") {
    variables.push(take(parser).text);
    skipSpace(parser);
    const sign = peek(parser).text;
    if (sign === "," && context === "range" && variables.length === 1) {
      parser.next++;
      skipSpace(parser);
      continue;
    }
    if (sign !== ":=" && sign !== "=") break;
    parser.next++;
    return { variables, declares: sign === ":=" };
  }
  parser.next = start;
  return { variables: [], declares: false };
}

function parseCommand(parser: Parser, context: string): Command {
  const start = peek(parser);
  const operands: Operand[] = [];
  for (;;) {
    const operand = parseOperand(parser);
    if (!operand) break;
    operands.push(operand);
    if (peek(parser).kind !== "space") break;
    skipSpace(parser);
  }
  const end = peek(parser);
  if (operands.length === 0) fail(parser, emptyCommand(end, context));
  return { operands, at: start.at, text: parser.source.slice(start.at, end.at).trim() };
}

function emptyCommand(found: Token, context: string): string {
  if (found.kind === "close" || found.text === ")") return `missing value for ${context}`;
  if (found.kind === "punctuation" && found.text !== "|") return `unexpected ${quote(found)} in ${context}`;
  return found.text === "|" ? `missing value for ${context}` : `unexpected ${quote(found)} in operand`;
}

function parseOperand(parser: Parser): Operand | null {
  const token = peek(parser);
  const term = parseTerm(parser, token);
  if (!term) return null;
  const fieldsAt = peek(parser).at;
  const fields: string[] = [];
  while (peek(parser).kind === "field") fields.push(take(parser).text.slice(1));
  const text = parser.source.slice(token.at, peek(parser).at);
  if (fields.length === 0) return { ...term, at: token.at, text };
  switch (term.kind) {
    // Go gives a chain the position of its second link.
    case "fields":
    case "variable":
    case "pipe":
      return { ...term, fields: [...term.fields, ...fields], at: fieldsAt, text };
    case "dot":
      return fail(parser, "unexpected . after term");
    default:
      return fail(parser, `unexpected . after term ${quoteText(token.text)}`);
  }
}

type Term = Operand extends infer O ? (O extends Operand ? Omit<O, "at" | "text"> : never) : never;

function parseTerm(parser: Parser, token: Token): Term | null {
  switch (token.kind) {
    case "field":
      parser.next++;
      return { kind: "fields", fields: [token.text.slice(1)] };
    case "variable":
      parser.next++;
      if (!parser.variables.includes(token.text)) fail(parser, `undefined variable ${quoteText(token.text)}`);
      return { kind: "variable", name: token.text, fields: [] };
    case "string":
      parser.next++;
      return { kind: "literal", value: unquote(parser, token) };
    case "char":
      parser.next++;
      return { kind: "literal", value: decodeEscapes(parser, token.text.slice(1, -1)).codePointAt(0) ?? 0 };
    case "number":
      parser.next++;
      return { kind: "literal", value: numberOf(token.text) };
    case "word":
      parser.next++;
      return wordTerm(parser, token.text);
    case "punctuation":
      return punctuationTerm(parser, token);
    default:
      return null;
  }
}

function wordTerm(parser: Parser, word: string): Term {
  if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
  if (word === "nil") return { kind: "nil" };
  if (!parser.functions.has(word)) fail(parser, `function ${quoteText(word)} not defined`);
  return { kind: "call", name: word };
}

function punctuationTerm(parser: Parser, token: Token): Term | null {
  if (token.text === ".") {
    parser.next++;
    return { kind: "dot" };
  }
  if (token.text !== "(") return null;
  parser.next++;
  const pipe = parsePipe(parser, "parenthesized pipeline");
  skipSpace(parser);
  if (!accept(parser, ")")) fail(parser, "unclosed left paren");
  return { kind: "pipe", pipe, fields: [] };
}

function numberOf(text: string): number {
  const plain = text.replaceAll("_", "");
  return plain.startsWith("-") ? -Number(plain.slice(1)) : Number(plain.replace(/^\+/, ""));
}

function unquote(parser: Parser, token: Token): string {
  const inner = token.text.slice(1, -1);
  return token.text.startsWith("`") ? inner : decodeEscapes(parser, inner);
}

const ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

function decodeEscapes(parser: Parser, text: string): string {
  return text.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/gs, (_, code: string) => {
    const plain = ESCAPES[code];
    if (plain !== undefined) return plain;
    if (/^[0-7]{3}$/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8));
    if (code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    return fail(parser, "invalid syntax");
  });
}

function peek(parser: Parser): Token {
  const token = parser.tokens[parser.next] ?? parser.tokens.at(-1);
  if (!token) throw new Error("the lexer ends every template with a token");
  return token;
}

function take(parser: Parser): Token {
  const token = peek(parser);
  parser.next++;
  return token;
}

function skipSpace(parser: Parser): void {
  while (peek(parser).kind === "space") parser.next++;
}

function accept(parser: Parser, punctuation: string): boolean {
  const token = peek(parser);
  if (token.kind !== "punctuation" || token.text !== punctuation) return false;
  parser.next++;
  return true;
}

function expect(parser: Parser, kind: Token["kind"], context: string): Token {
  const token = take(parser);
  if (token.kind !== kind) fail(parser, `unexpected ${quote(token)} in ${context}`);
  return token;
}

function expectClose(parser: Parser, context: string): void {
  skipSpace(parser);
  const token = take(parser);
  if (token.kind !== "close") fail(parser, `unexpected ${quote(token)} in ${context}`);
}

/** How Go's parser shows a token. */
function quote(token: Token): string {
  if (token.kind === "eof") return "EOF";
  if (token.kind === "word" && ["else", "end", "if", "range", "with"].includes(token.text))
    return `<${token.text}>`;
  return quoteText(token.text);
}

function quoteText(text: string): string {
  return JSON.stringify(text);
}

function fail(parser: Parser, problem: string): never {
  const at = parser.tokens[Math.max(0, Math.min(parser.next, parser.tokens.length) - 1)]?.at ?? 0;
  throw new TemplateSyntaxError(lineOf(parser.source, at), problem);
}
