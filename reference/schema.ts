/** As much of a JSON Schema as those of our routes have. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** A field of an object, or of one within it: `actions[].name`. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description?: string;
}

type Schemas = Readonly<Record<string, Schema>>;

/** What a value is, in words and bounds: `integer, 1 to 1000`. A shape with a name is a link to it. */
export function typeOf(schema: Schema, schemas: Schemas = {}): string {
  if (schema.$ref !== undefined) return named(schema.$ref, schemas);
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) {
    return [...new Set(alternatives.map((one) => typeOf(one, schemas)))].join(" or ");
  }
  const type = typeof schema.type === "string" ? schema.type : schema.type?.join(" or ");
  if (schema.format === "date-time") return "time";
  if (schema.format === "binary") return "bytes";
  switch (type) {
    case "array":
      return `array of ${schema.items === undefined ? "any JSON" : typeOf(schema.items, schemas)}${items(schema)}`;
    case "string":
      return `string${lengths(schema)}`;
    case "integer":
    case "number":
      return `${type}${bounds(schema)}`;
    default:
      return type ?? "any JSON";
  }
}

/** The fields of an object, those of objects and arrays of objects within it after theirs. */
export function fieldsOf(schema: Schema, schemas: Schemas = {}, prefix = ""): readonly Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    const field = {
      name,
      type: typeOf(value, schemas),
      isRequired: schema.required?.includes(key) ?? false,
      ...(value.description !== undefined && { description: value.description }),
    };
    const within = value.items?.properties ? fieldsOf(value.items, schemas, `${name}[].`) : [];
    return [field, ...within, ...(value.properties ? fieldsOf(value, schemas, `${name}.`) : [])];
  });
}

function named(reference: string, schemas: Schemas): string {
  const name = reference.slice(reference.lastIndexOf("/") + 1);
  if (!name.startsWith("__")) return `[${name}](#shape-${name.toLowerCase()})`;
  // Only what is JSON of any kind refers to itself without a name.
  const schema = schemas[name];
  const isAny = schema === undefined || (schema.anyOf ?? schema.oneOf)?.some(({ type }) => type === "array");
  return isAny ? "any JSON" : typeOf(schema, schemas);
}

function bounds({ minimum, exclusiveMinimum, maximum }: Schema): string {
  const max = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (exclusiveMinimum !== undefined)
    return `, more than ${exclusiveMinimum}${max === undefined ? "" : `, at most ${max}`}`;
  if (minimum !== undefined && max !== undefined) return `, ${minimum} to ${max}`;
  if (max !== undefined) return `, at most ${max}`;
  return minimum === undefined || minimum === 0 || minimum === Number.MIN_SAFE_INTEGER ? "" : `, at least ${minimum}`;
}

function lengths({ minLength, maxLength, pattern }: Schema): string {
  if (pattern !== undefined && pattern.length <= 60) return `, \`${pattern}\``;
  if (maxLength !== undefined) return `, ${minLength ?? 0} to ${maxLength} characters`;
  return minLength === undefined ? "" : ", not empty";
}

function items({ minItems, maxItems }: Schema): string {
  if (maxItems !== undefined) return `, ${minItems ?? 0} to ${maxItems} of them`;
  return minItems === undefined ? "" : `, at least ${minItems}`;
}
