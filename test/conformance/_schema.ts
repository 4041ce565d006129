/**
 * The Docker Engine API's description as a judge of answers. It is Swagger 2.0, whose schemas are a small part of JSON Schema: what
 * that part asks for is checked here, and a key that is not in the schema is a fault, which JSON Schema cannot say of `allOf`.
 */

type Schema = {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  format?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  "x-nullable"?: boolean;
};

interface Operation {
  responses: Record<string, { schema?: Schema }>;
}

interface Description {
  paths: Record<string, Record<string, Operation>>;
  definitions: Record<string, Schema>;
}

/** What is known to be otherwise than described, by path of schema and key: `ContainerSummary.Names`. */
export interface Exceptions {
  /** Null where the description has a type: Docker writes it so as well. */
  nulls: ReadonlySet<string>;
  /** Keys that the description does not have. */
  extra: ReadonlySet<string>;
}

const REFERENCE = new URL("../../../shared/reference/engine-api-v1.51.yaml", import.meta.url).pathname;

/** The description, or undefined where this machine has none. */
export async function readDescription(): Promise<Description | undefined> {
  const file = Bun.file(REFERENCE);
  return (await file.exists()) ? (Bun.YAML.parse(await file.text()) as Description) : undefined;
}

/** What is wrong with an answer, a line a fault; none when it is as described. */
export function faultsOf(
  description: Description,
  answer: { method: string; pattern: string; status: number; value: unknown },
  exceptions: Exceptions,
): string[] {
  const { method, pattern, status, value } = answer;
  const response = description.paths[pattern]?.[method.toLowerCase()]?.responses[status];
  if (response === undefined) return [`${method} ${pattern}: ${status} is not described`];
  if (response.schema === undefined) return [];
  const faults: string[] = [];
  const check = (schema: Schema, part: unknown, path: string): void => {
    const { name, schema: meant } = resolve(description, schema, path);
    if (part === null) {
      if (
        !(
          meant["x-nullable"] ||
          schema["x-nullable"] ||
          exceptions.nulls.has(path) ||
          meant.enum?.includes(null)
        )
      )
        faults.push(`${path}: null`);
      return;
    }
    const wrong = wrongValue(meant, part);
    if (wrong !== undefined) faults.push(`${path}: ${wrong}`);
    else if (Array.isArray(part)) for (const item of part) check(meant.items ?? {}, item, `${name}[]`);
    else if (typeof part === "object") checkObject(meant, part as Record<string, unknown>, name);
  };
  const checkObject = (schema: Schema, object: Record<string, unknown>, path: string): void => {
    const { properties = {}, required = [], additionalProperties: others } = schema;
    for (const key of required) if (!(key in object)) faults.push(`${path}.${key}: absent`);
    for (const [key, part] of Object.entries(object)) {
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (known !== undefined) check(known, part, `${path}.${key}`);
      else if (typeof others === "object") check(others, part, `${path}.*`);
      else if (
        others !== true &&
        !exceptions.extra.has(`${path}.${key}`) &&
        Object.keys(properties).length > 0
      )
        faults.push(`${path}.${key}: not described`);
    }
  };
  check(response.schema, value, `${method} ${pattern} ${status}`);
  return [...new Set(faults)];
}

/** A schema with its references followed and its parts joined; its name is the definition's, or the path to it. */
function resolve(description: Description, schema: Schema, path: string): { name: string; schema: Schema } {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace("#/definitions/", "");
    const definition = description.definitions[name];
    if (definition === undefined) throw new Error(`the description has no ${name}`);
    return { name, schema: resolve(description, definition, name).schema };
  }
  if (schema.allOf === undefined) return { name: path, schema };
  const parts = [...schema.allOf.map((part) => resolve(description, part, path).schema)];
  const { allOf: _, ...own } = schema;
  const all = [...parts, own];
  return {
    name: schema.allOf.length === 1 ? resolve(description, schema.allOf[0] ?? {}, path).name : path,
    schema: {
      ...Object.assign({}, ...all),
      properties: Object.assign({}, ...all.map(({ properties }) => properties)),
      required: all.flatMap(({ required = [] }) => required),
    },
  };
}

const RANGES: Readonly<Record<string, [number, number]>> = {
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
  int64: [-(2 ** 63), 2 ** 63],
};

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function wrongValue({ type, format = "", enum: allowed }: Schema, value: unknown): string | undefined {
  const text = JSON.stringify(value);
  if (allowed !== undefined && typeof value !== "object" && !allowed.includes(value))
    return `${text} is none of ${allowed.join(", ")}`;
  if (!isOfType(type, value)) return `${text} is no ${type}`;
  const [least = -Infinity, most = Infinity] = RANGES[format] ?? [];
  if (typeof value === "number" && (value < least || value > most)) return `${text} is no ${format}`;
  if (/^date-?time$/i.test(format) && typeof value === "string" && !TIME.test(value))
    return `${text} is no time`;
  return undefined;
}

function isOfType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
