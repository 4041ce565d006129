/** Tokens of a template: https://pkg.go.dev/text/template, after the lexer's rules in its section "Text and spaces". */

/** A template that cannot be parsed. The message is Go's, without the prefix that names the template. */
export class TemplateSyntaxError extends Error {
  override readonly name = "TemplateSyntaxError";

  constructor(line: number, problem: string) {
    super(`template: :${line}: ${problem}`);
  }
}

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "field"
  | "variable"
  | "word"
  | "string"
  | "number"
  | "char"
  | "punctuation"
  | "eof";

export interface Token {
  kind: TokenKind;
  text: string;
  /** Offset in the template. */
  at: number;
}

const COMMENT = /\{\{(- )?\/\*[\s\S]*?\*\/( -)?\}\}/y;

/** Inside an action, in order of trial. A sticky expression matches at its `lastIndex` only. */
const RULES: readonly [TokenKind, RegExp][] = [
  // The last space before a trim marker belongs to the marker.
  ["space", /\s+?(?=\s-\}\})|\s+/y],
  [
    "number",
    /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y,
  ],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["word", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\[\s\S]+?)'/y],
  ["punctuation", /:=|[=|(),.]/y],
];

/** Cuts a template into tokens; the last is `eof`. Throws TemplateSyntaxError. */
export function lex(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    const end = open < 0 ? source.length : open;
    const trimBefore = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    pushText(tokens, { source, at, end, trimStart: trimNext, trimEnd: trimBefore });
    if (open < 0) break;
    const action = lexAction(source, open, trimBefore);
    tokens.push(...action.tokens);
    trimNext = action.trimAfter;
    at = action.end;
  }
  tokens.push({ kind: "eof", text: "", at: source.length });
  return tokens;
}

interface Stretch {
  source: string;
  at: number;
  end: number;
  trimStart: boolean;
  trimEnd: boolean;
}

function pushText(tokens: Token[], { source, at, end, trimStart, trimEnd }: Stretch): void {
  let text = source.slice(at, end);
  if (trimStart) text = text.replace(/^[ \t\r\n]+/, "");
  if (trimEnd) text = text.replace(/[ \t\r\n]+$/, "");
  if (text !== "") tokens.push({ kind: "text", text, at });
}

function lexAction(source: string, open: number, trimmed: boolean) {
  COMMENT.lastIndex = open;
  const comment = COMMENT.exec(source);
  if (comment) return { tokens: [], end: COMMENT.lastIndex, trimAfter: comment[2] !== undefined };
  const tokens: Token[] = [{ kind: "open", text: "{{", at: open }];
  let at = open + (trimmed ? 3 : 2);
  for (;;) {
    const closing = /^(\s-)?\}\}/.exec(source.slice(at, at + 4));
    if (closing) {
      tokens.push({ kind: "close", text: "}}", at });
      return { tokens, end: at + closing[0].length, trimAfter: closing[1] !== undefined };
    }
    const token = nextToken(source, at);
    tokens.push(token);
    at += token.text.length;
  }
}

function nextToken(source: string, at: number): Token {
  if (at >= source.length) throw new TemplateSyntaxError(lineOf(source, at), "unclosed action");
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const match = rule.exec(source);
    if (match) return { kind, text: match[0], at };
  }
  throw new TemplateSyntaxError(lineOf(source, at), problemAt(source, at));
}

function problemAt(source: string, at: number): string {
  const char = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (char === '"') return "unterminated quoted string";
  if (char === "`") return "unterminated raw quoted string";
  if (char === "'") return "unterminated character constant";
  const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `unrecognized character in action: U+${hex} '${char}'`;
}

/** Line of an offset, from 1. */
export function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}
