import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

/**
 * The rows of a statement, one by one. However that ends, the statement is over then: one that a row has broken off would go on
 * reading, and its connection would see the store for ever as it was.
 */
export function* eachRow(
  statement: StatementSync,
  values: Record<string, SQLInputValue> = {},
): Generator<Record<string, SQLOutputValue>, void, undefined> {
  const rows = statement.iterate(values);
  try {
    for (;;) {
      // A row that can't be read throws here, which a loop would take for the end of the iterator.
      const { done, value } = rows.next();
      if (done) return;
      yield value;
    }
  } finally {
    rows.return?.();
  }
}
