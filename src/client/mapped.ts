/** What `map` makes of each item, and at the end what `items` returned. */
export async function* mapped<T, U, R>(
  items: AsyncGenerator<T, R | undefined, undefined>,
  map: (item: T) => U,
): AsyncGenerator<U, R | undefined, undefined> {
  try {
    for (;;) {
      const { done, value } = await items.next();
      if (done === true) return value;
      yield map(value);
    }
  } finally {
    await items.return(undefined);
  }
}
