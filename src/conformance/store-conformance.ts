import { describe } from "node:test";
import { accessCases } from "./access-cases.ts";
import { artifactCases } from "./artifact-cases.ts";
import { closeCases } from "./close-cases.ts";
import { commitCases } from "./commit-cases.ts";
import { type Driver, openForTests } from "./driver.ts";
import { endCases } from "./end-cases.ts";
import { eventCases } from "./event-cases.ts";
import { forkCases } from "./fork-cases.ts";
import { guardCases } from "./guard-cases.ts";
import { type HistoryOptions, randomHistory } from "./history.ts";
import { listCases } from "./list-cases.ts";
import { logCases } from "./log-cases.ts";
import { messageCases } from "./message-cases.ts";
import { objectCases } from "./object-cases.ts";
import { rememberedCases } from "./remembered-cases.ts";
import { taskCases } from "./task-cases.ts";
import { topicCases } from "./topic-cases.ts";
import { watchCases } from "./watch-cases.ts";
import { writeTraits } from "./write-traits.ts";

/** What `storeConformance` takes. */
export interface ConformanceOptions extends Driver {
  /** How long the random history is, and how a failed one is run again. */
  readonly history?: HistoryOptions;
}

/**
 * Registers the contract of `Store` as tests of `node:test`: cases for each method, what holds of every write in every
 * state of the store, and a random history that is held against a model in memory.
 *
 *     storeConformance({ name: "my store", open: openOnNewData, supports: { handles: false } });
 */
export function storeConformance({ history = {}, ...driver }: ConformanceOptions): void {
  describe(`the contract of Store: ${driver.name}`, () => {
    const author = openForTests(driver);
    commitCases(author);
    guardCases(author);
    rememberedCases(author);
    listCases(author);
    messageCases(author);
    artifactCases(author);
    forkCases(author);
    endCases(driver, author);
    taskCases(driver, author);
    objectCases(author);
    topicCases(author);
    eventCases(author);
    logCases(author);
    watchCases(author);
    accessCases(driver);
    closeCases(driver);
    writeTraits(driver, author);
    randomHistory(author, history);
  });
}
