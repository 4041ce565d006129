/** Go's values as JavaScript has them, and how fmt's %v prints them. */

/** A value of a template. `undefined` is Go's "no value", what a map gives for a key it lacks. */
export type Value =
  | undefined
  | null
  | string
  | number
  | boolean
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | Struct
  | Method;

/** A Go struct: its fields are fixed, and asking for another is an error. */
export interface Struct {
  readonly [field: string]: Value;
}

/** A method of a struct, called with the arguments that follow its name. */
type Method = (...args: Value[]) => Value;

/** The functions a template may call by name. One that throws an Error fails the template with "error calling NAME". */
export type Functions = Readonly<Record<string, (...args: Value[]) => Value>>;

/** A slice that is nil in Go: prints as [], is null in JSON. */
export const nilSlice: readonly Value[] = Object.freeze([]);

/** A map that is nil in Go: prints as map[], is null in JSON. */
export const nilMap: ReadonlyMap<string, Value> = new Map();

export function isSlice(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isStruct(value: Value): value is Struct {
  return typeof value === "object" && value !== null && !isSlice(value) && !isMap(value);
}

/** Go's type name of a value, as its error messages write it. */
export function typeName(value: Value): string {
  if (value === null || value === undefined) return "interface {}";
  if (isSlice(value)) return "[]interface {}";
  if (isMap(value)) return "map[string]interface {}";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int" : "float64";
    case "function":
      return "func()";
    default:
      return "struct {}";
  }
}

/** text/template's truth: false, 0, nil and whatever is empty are false; a struct is true. */
export function isTrue(value: Value): boolean {
  if (isSlice(value)) return value.length > 0;
  if (isMap(value)) return value.size > 0;
  return Boolean(value);
}

/** Keys of a map in the order Go's templates and fmt visit them: sorted by bytes. */
export function sortedKeys(map: ReadonlyMap<string, Value>): string[] {
  return [...map.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** fmt's %v. `nested` prints nil as <nil> also where the top level of an action would print <no value>. */
export function formatValue(value: Value): string {
  if (value === undefined || value === null) return "<nil>";
  if (isSlice(value)) return `[${value.map(formatValue).join(" ")}]`;
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((k) => `${k}:${formatValue(value.get(k))}`)
      .join(" ")}]`;
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "function") return "func()";
  if (typeof value === "object") return `{${Object.values(value).map(formatValue).join(" ")}}`;
  return String(value);
}

/** %v of a number: integers in full, floats as %g, whose exponents have two digits and begin at 1e+21. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return value.toFixed(0);
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN";
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

/** encoding/json's text of a value: maps sorted by key, structs in their own order. */
export function toJson(value: Value): string {
  if (value === undefined || value === nilSlice || value === nilMap) return "null";
  if (isSlice(value)) return `[${value.map(toJson).join(",")}]`;
  if (isMap(value)) return jsonObject(sortedKeys(value).map((key) => [key, value.get(key)]));
  if (isStruct(value)) return jsonObject(Object.entries(value).filter(([, v]) => typeof v !== "function"));
  return JSON.stringify(value);
}

function jsonObject(entries: [string, Value][]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${toJson(value)}`).join(",")}}`;
}
