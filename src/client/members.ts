/**
 * The base of classes that show what was told once, and add calls to it: its members are those of `T`.
 *
 * They are enumerable, so that `JSON.stringify` has them.
 */
export function showing<T extends object>(): new (told: T) => T {
  // NOTE: the constructor gives its object every member that it was told.
  return class {
    constructor(told: T) {
      Object.assign(this, told);
    }
  } as new (
    told: T,
  ) => T;
}
