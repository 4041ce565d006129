/** fmt.Sprintf of Go: https://pkg.go.dev/fmt, for the values a template holds. */

import { formatValue, isMap, isSlice, isStruct, sortedKeys, typeName, type Value } from "./_value.ts";

const VERB = /%([-+# 0]*)(\d+)?(?:\.(\d*))?(.|$)/gsu;

interface Flags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  precision: number | undefined;
}

/** Formats as Go does, its complaints included: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA int=3)`. */
export function sprintf(format: string, args: readonly Value[]): string {
  let used = 0;
  const text = format.replace(VERB, (_, marks: string, width: string, precision: string, verb: string) => {
    if (verb === "%") return "%";
    if (verb === "") return "%!(NOVERB)";
    if (used >= args.length) return `%!${verb}(MISSING)`;
    const flags = readFlags(marks, precision);
    return pad(formatVerb(verb, args[used++], flags), Number(width ?? 0), flags, verb);
  });
  if (used >= args.length) return text;
  const extra = args
    .slice(used)
    .map((arg) => (arg == null ? "<nil>" : `${typeName(arg)}=${formatValue(arg)}`));
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

function readFlags(marks: string, precision: string | undefined): Flags {
  return {
    minus: marks.includes("-"),
    plus: marks.includes("+"),
    sharp: marks.includes("#"),
    space: marks.includes(" "),
    zero: marks.includes("0"),
    precision: precision === undefined ? undefined : Number(precision),
  };
}

function pad(text: string, width: number, flags: Flags, verb: string): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  if (!flags.zero || verb === "v" || verb === "T") return " ".repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function formatVerb(verb: string, value: Value, flags: Flags): string {
  if (verb === "v") return flags.plus ? formatWithNames(value) : formatValue(value);
  if (verb === "T") return value == null ? "<nil>" : typeName(value);
  // Verbs other than %v and %T reach into slices and maps.
  if (isSlice(value)) return `[${value.map((item) => formatVerb(verb, item, flags)).join(" ")}]`;
  if (isMap(value)) return formatMap(verb, value, flags);
  const text = formatScalar(verb, value, flags);
  if (text !== undefined) return text;
  return value == null ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${formatValue(value)})`;
}

function formatMap(verb: string, map: ReadonlyMap<string, Value>, flags: Flags): string {
  const entries = sortedKeys(map).map(
    (key) => `${formatVerb(verb, key, flags)}:${formatVerb(verb, map.get(key), flags)}`,
  );
  return `map[${entries.join(" ")}]`;
}

/** %+v: structs with the names of their fields. */
function formatWithNames(value: Value): string {
  if (!isStruct(value)) return formatValue(value);
  return `{${Object.entries(value)
    .map(([name, field]) => `${name}:${formatWithNames(field)}`)
    .join(" ")}}`;
}

/** The text of a scalar, or undefined where the verb does not suit it. */
function formatScalar(verb: string, value: Value, flags: Flags): string | undefined {
  switch (typeof value) {
    case "string":
      return formatString(verb, value, flags);
    case "number":
      return Number.isInteger(value) && !"eEfFgG".includes(verb)
        ? formatInteger(verb, value, flags)
        : formatFloat(verb, value, flags);
    case "boolean":
      return verb === "t" ? String(value) : undefined;
    default:
      return undefined;
  }
}

function formatString(verb: string, value: string, { precision, sharp }: Flags): string | undefined {
  const text = precision === undefined ? value : [...value].slice(0, precision).join("");
  switch (verb) {
    case "s":
      return text;
    case "q":
      return sharp && !text.includes("`") ? `\`${text}\`` : quoteGo(text);
    case "x":
      return Buffer.from(text).toString("hex");
    case "X":
      return Buffer.from(text).toString("hex").toUpperCase();
    default:
      return undefined;
  }
}

/** strconv.Quote. */
export function quoteGo(text: string): string {
  const escapes: Record<string, string> = { "\x07": "\\a", "\v": "\\v", "\x7f": "\\x7f" };
  return JSON.stringify(text)
    .replace(/\\u00([01][\da-f])/g, (_, hex: string) =>
      hex === "07" ? "\\a" : hex === "0b" ? "\\v" : `\\x${hex}`,
    )
    .replace(/\x7f/g, (char) => escapes[char] ?? char);
}

function formatInteger(verb: string, value: number, flags: Flags): string | undefined {
  const sign = value < 0 ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const digits = (base: number) => Math.abs(value).toString(base);
  switch (verb) {
    case "d":
      return sign + digits(10).padStart(flags.precision ?? 0, "0");
    case "x":
      return sign + (flags.sharp ? "0x" : "") + digits(16);
    case "X":
      return sign + (flags.sharp ? "0X" : "") + digits(16).toUpperCase();
    case "o":
      return sign + (flags.sharp ? "0" : "") + digits(8);
    case "b":
      return sign + digits(2);
    case "c":
      return String.fromCodePoint(value);
    case "q":
      return `'${String.fromCodePoint(value)}'`;
    case "U":
      return `U+${digits(16).toUpperCase().padStart(4, "0")}`;
    default:
      return undefined;
  }
}

/** Floats; an integer constant takes these verbs only where Go would have had a float, which our values do not tell apart. */
function formatFloat(verb: string, value: number, { precision, plus }: Flags): string | undefined {
  const sign = plus && value >= 0 ? "+" : "";
  const exponent = (text: string) => text.replace(/e([+-])(\d)$/, "e$10$2");
  switch (verb) {
    case "f":
    case "F":
      return sign + value.toFixed(precision ?? 6);
    case "e":
      return sign + exponent(value.toExponential(precision ?? 6));
    case "E":
      return sign + exponent(value.toExponential(precision ?? 6)).toUpperCase();
    case "g":
    case "G":
      return (
        sign + exponent(String(precision === undefined ? value : Number(value.toPrecision(precision || 1))))
      );
    default:
      return undefined;
  }
}
