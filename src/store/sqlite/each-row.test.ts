import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { eachRow } from "./each-row.ts";

describe("eachRow()", () => {
  for (const [how, read] of [
    ["a row can't be read", (rows: Iterable<unknown>) => [...rows]],
    [
      "its reader throws",
      (rows: Iterable<unknown>) => {
        for (const _ of rows) throw new RangeError("Enough");
      },
    ],
  ] as const) {
    it(`leaves the connection free to see what is written next, also where ${how}`, () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      const file = join(directory, "a.db");
      const [writer, reader] = [new DatabaseSync(file), new DatabaseSync(file)];
      try {
        writer.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER)");
        writer.exec("INSERT INTO t VALUES (1), (1152921504606846976)");
        assert.throws(() => read(eachRow(reader.prepare("SELECT x FROM t"))), RangeError);
        writer.exec("DELETE FROM t; INSERT INTO t VALUES (7)");
        assert.deepEqual(
          [...eachRow(reader.prepare("SELECT x FROM t"))].map(({ x }) => x),
          [7],
        );
      } finally {
        for (const db of [reader, writer]) db.close();
        rmSync(directory, { recursive: true });
      }
    });
  }
});
