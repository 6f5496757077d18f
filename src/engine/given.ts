/**
 * An object with this one member, or none where the value is absent (`undefined`), to be spread into another. With
 * `encode` the member is what that makes of the value.
 */
export function given<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T };
export function given<K extends string, T, U>(
  key: K,
  value: T | undefined,
  encode: (value: T) => U,
): { readonly [P in K]?: U };
export function given(key: string, value: unknown, encode = (it: unknown) => it): object {
  return value === undefined ? {} : { [key]: encode(value) };
}
