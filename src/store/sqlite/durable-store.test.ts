import { onTemporaryDirectories, storeConformance } from "../../conformance/index.ts";
import { openSqliteStore } from "./index.ts";

storeConformance({
  ...onTemporaryDirectories("SQLite, durable", (directory) => openSqliteStore({ directory, durability: "full" })),
  history: { runs: 10 },
});
