/** A JSON value. Numbers are finite; integers stay within ±(2^53 − 1). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. `undefined` marks a member that is absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Tells whether two JSON values are equal; the order of an object's members does not count. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isArray(a) || isArray(b)) {
    return isArray(a) && isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  const present = (object: JsonObject): string[] => Object.keys(object).filter((key) => object[key] !== undefined);
  const keys = present(a);
  return keys.length === present(b).length && keys.every((key) => sameJson(a[key], b[key]));
}

/** An object with changes to it; `null` removes a member. */
export function merged(object: JsonObject, changes: JsonObject): JsonObject {
  const next = new Map(Object.entries(object));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  return Object.fromEntries(next);
}

/** `Array.isArray`, which TypeScript does not narrow readonly arrays by. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
