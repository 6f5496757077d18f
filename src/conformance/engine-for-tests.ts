import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { Events } from "../engine/events.ts";
import { History } from "../engine/history.ts";
import type { Ids } from "../engine/ids.ts";
import { DEFAULT_SETTINGS, type Settings } from "../engine/limits.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import { Retention } from "../engine/retention.ts";
import { type Caller, Sessions } from "../engine/sessions.ts";
import type { Commit, Store } from "../engine/store.ts";
import { type TemplateSet, Templates } from "../engine/templates.ts";
import { Topics } from "../engine/topics.ts";
import { Users } from "../engine/users.ts";
import { faulty } from "./faulty.ts";
import { ManualClock } from "./manual-clock.ts";
import { sequentialIds } from "./sequential-ids.ts";
import { sha256 } from "./sha256.ts";

/** An engine whose time stands still, and what it stands on. */
export interface TestEngine {
  readonly sessions: Sessions;
  readonly history: History;
  readonly retention: Retention;
  readonly users: Users;
  readonly templates: Templates;
  readonly topics: Topics;
  readonly events: Events;
  readonly ports: MailboxPorts;
  /** Of a tenant that no other engine has, unless it is a second node. */
  readonly caller: Caller;
  readonly clock: ManualClock;
  readonly ids: Ids;
  readonly store: Store;
}

/** What a test may ask of its engine. */
export interface EngineOptions {
  readonly settings?: Partial<Settings>;
  /** The operator's templates. */
  readonly configured?: TemplateSet;
  /** Goes around the store. */
  readonly around?: (store: Store) => Store;
  /** Another node on the same store, with the same tenant and clock. */
  readonly beside?: TestEngine;
}

let tenants = 0;

/** Opens one store for the tests of a `describe` or a file; the function returned starts an engine on it. */
export function engineForTests(open: (directory: string) => Store): (options?: EngineOptions) => TestEngine {
  let directory = "";
  let opened: Store | undefined;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    opened = open(directory);
  });
  after(async () => {
    await opened?.close();
    rmSync(directory, { recursive: true });
  });
  return ({ settings, configured = {}, around = (store: Store): Store => store, beside } = {}) => {
    if (opened === undefined) throw new Error("The store opens before the first test");
    const store = around(opened);
    const caller = beside?.caller ?? { tenant: `engine-${++tenants}`, actor: "tester" };
    const { clock, ids } = beside ?? { clock: new ManualClock(), ids: sequentialIds() };
    const ports = { store, clock, ids, digest: sha256 };
    const templates = new Templates(ports, configured);
    const sessions = new Sessions(ports, { ...DEFAULT_SETTINGS, ...settings }, templates);
    const topics = new Topics({ ...ports, sessions });
    const history = new History(ports, sessions);
    const retention = new Retention(ports, sessions);
    return {
      sessions,
      history,
      retention,
      users: new Users(ports),
      templates,
      topics,
      events: new Events(ports),
      ports,
      caller,
      clock,
      ids,
      store,
    };
  };
}

/** A store that also notes every commit that is asked of it. */
export function noting(store: Store, commits: Commit[]): Store {
  const passing = faulty(store, { seed: 0, delays: 0 });
  return {
    ...passing,
    commit: (commit) => {
      commits.push(commit);
      return passing.commit(commit);
    },
  };
}
