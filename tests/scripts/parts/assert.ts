export interface Named {
  readonly name?: string | undefined;
}

export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`It does not hold: ${what}`);
}
