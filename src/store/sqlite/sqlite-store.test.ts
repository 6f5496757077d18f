import { onTemporaryDirectories, storeConformance } from "../../conformance/index.ts";
import { openSqliteStore } from "./index.ts";

storeConformance(onTemporaryDirectories("SQLite", (directory) => openSqliteStore({ directory, durability: "none" })));
