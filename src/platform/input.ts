import type { z } from "zod";
import { assertWritable, encodeBody, encodeQuery, toJson } from "../client/encode.ts";
import type { WriteOptions } from "../client/inputs.ts";
import { invalid } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Moment } from "../engine/history.ts";
import { jsonFaults } from "../engine/limits.ts";
import type { WriteOptions as EngineOptions } from "../engine/sessions.ts";
import { AtShape, decodeMoment } from "../http/dialects/native/decode.ts";
import { parse } from "../http/request.ts";

/** An input as a body of JSON would bring it: copied, and held against its shape. */
export function bodyOf<T>(shape: z.ZodType<T>, input: object): T {
  return jsonOf(shape, encodeBody(input));
}

/** What JSON makes of it, held against a shape. */
export function jsonOf<T>(shape: z.ZodType<T>, input: object): T {
  const value: unknown = JSON.parse(toJson(input));
  const faults = jsonFaults(value, "");
  if (faults.length > 0) throw invalid(faults);
  return parse(shape, value);
}

/** An input as a query would bring it, held against its shape. */
export function queryOf<T>(shape: z.ZodType<T>, input: object): T {
  const query = encodeQuery(input);
  const faults = jsonFaults(query, "");
  if (faults.length > 0) throw invalid(faults);
  return parse(shape, query);
}

/** A moment, as a query would bring it. */
export function momentOf(at: Moment): Moment;
export function momentOf(at: Moment | undefined): Moment | undefined;
export function momentOf(at: Moment | undefined): Moment | undefined {
  return given("at", queryOf(AtShape, { at }).at, decodeMoment).at;
}

/** What comes with a write, in the words of the engine. */
export function writing(
  scope: string,
  body: object,
  { idempotencyKey, ifMatch }: WriteOptions,
): EngineOptions | undefined {
  if (idempotencyKey === undefined && ifMatch === undefined) return undefined;
  assertWritable({ idempotencyKey, ifMatch });
  return {
    ...given("idempotency", idempotencyKey, (key) => ({ key, scope: `sdk ${scope}`, request: JSON.stringify(body) })),
    ...given("precondition", ifMatch, (version) => [version]),
  };
}
