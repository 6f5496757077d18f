import { faulty, onTemporaryDirectories, storeConformance } from "../../conformance/index.ts";
import { openSqliteStore } from "./index.ts";

const driver = onTemporaryDirectories("SQLite behind a slow connection", (directory) => {
  return faulty(openSqliteStore({ directory, durability: "none" }), { seed: 1 });
});

storeConformance({ ...driver, history: { runs: 10 } });
