import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { faulty, ManualClock, sequentialIds, sha256 } from "../conformance/index.ts";
import type { BlobStore, BlobWriter } from "../engine/blob-store.ts";
import { SECOND } from "../engine/clock.ts";
import { SojournError } from "../engine/errors.ts";
import { type Caller, Sessions } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { type ArtifactSettings, Artifacts } from "./artifacts.ts";
import { openFsBlobStore } from "./fs/fs-blob-store.ts";

const HOUR = 3_600 * SECOND;

const TENANTS = ["t", "u"] as const;
const SESSIONS = ["a", "b", "c"] as const;

/** Few contents, so that they are shared, and go, and come back: two for the store, two for files. */
const CONTENTS = [0, 900, 1_100, 1_048_577].map((size) =>
  Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => (i * i + size) & 0xff),
  ),
);

const WANTED = { name: "a.bin", type: "user_input" };

const SETTINGS: ArtifactSettings = {
  artifactsMax: 1_000,
  bytesMax: 1e9,
  sizeMax: 1e7,
  compressAbove: 1e9,
  inStoreMax: 1_000,
  roots: [],
};

const target = fc.record({ tenant: fc.constantFrom(...TENANTS), session: fc.constantFrom(...SESSIONS) });
const content = fc.nat({ max: CONTENTS.length - 1 });

const put = fc.record({
  act: fc.constant("put" as const),
  target,
  content,
  isStream: fc.boolean(),
});
/** Like a put, but at this point the store fails once, or the power goes. */
const failing = fc.record({
  act: fc.constant("failing put" as const),
  put,
  at: fc.constantFrom("write", "finish", "finished", "commit", "committed"),
  isCrash: fc.boolean(),
});
const remove = fc.record({ act: fc.constant("delete" as const), target, which: fc.nat({ max: 9 }) });
const erase = fc.record({ act: fc.constant("erase" as const), target });
const collect = fc.record({ act: fc.constant("collect" as const) });
const crash = fc.record({ act: fc.constant("crash" as const) });
const wait = fc.record({ act: fc.constant("wait" as const), us: fc.constantFrom(HOUR / 2, 2 * HOUR) });
/** At once, so that what one frees another wants. */
const together = fc.record({
  act: fc.constant("together" as const),
  acts: fc.array(fc.oneof(put, remove, collect), { minLength: 2, maxLength: 6 }),
});

const steps = fc.oneof(
  { arbitrary: put, weight: 6 },
  { arbitrary: failing, weight: 4 },
  { arbitrary: remove, weight: 4 },
  { arbitrary: together, weight: 3 },
  { arbitrary: collect, weight: 2 },
  { arbitrary: crash, weight: 2 },
  wait,
  erase,
);

type Value<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Step = Value<typeof steps>;
type Put = Value<typeof put>;
type FailingPut = Value<typeof failing>;
type Target = Value<typeof target>;

/** Artifacts on a directory of their own, and what should be there. */
class Cabinet {
  readonly #directory = mkdtempSync(join(tmpdir(), "sojourn-"));
  readonly #clock = new ManualClock(Date.now() * 1_000);
  readonly #ids = sequentialIds();
  /** The bytes of each live artifact, by tenant, session and id. */
  readonly #live = new Map<string, Buffer>();
  /** Where the next put fails. */
  #fails: Pick<FailingPut, "at" | "isCrash"> | undefined;
  /** The power is gone: nothing works until everything is opened anew. */
  #isDown = false;
  /** What was being written when the power went, which nobody disposed of. */
  readonly #left: BlobWriter[] = [];
  #store: Store = this.#openStore();
  #blobs: BlobStore = this.#openBlobs();
  #sessions = this.#openSessions();
  #artifacts = this.#openArtifacts();

  async play(step: Step): Promise<void> {
    if (step.act === "put") await this.#put(step);
    else if (step.act === "failing put") await this.#putFailing(step);
    else if (step.act === "delete") await this.#delete(step.target, step.which);
    else if (step.act === "erase") await this.#erase(step.target);
    else if (step.act === "collect") await this.#artifacts.collect();
    else if (step.act === "crash") await this.#crash();
    else if (step.act === "wait") this.#clock.advance(step.us);
    else await Promise.all(step.acts.map((act) => this.play(act)));
  }

  /** Every live artifact has its bytes, and past the grace there is a file for every content in a file, and no other. */
  async assertSound(): Promise<void> {
    await this.#assertReadable();
    await this.#crash();
    this.#clock.advance(2 * HOUR);
    await this.#artifacts.collect();
    await this.#assertReadable();
    const names = (await Array.fromAsync(this.#blobs.list())).map(({ name }) => name);
    assert.deepEqual([...(await this.#store.inUse(names))].sort(), names.sort());
    assert.deepEqual(await this.#store.abandoned(100), []);
    const wanted = new Set(
      [...this.#live].flatMap(([key, bytes]) => (bytes.length > 1_000 ? [`${key[0]} ${bytes.length}`] : [])),
    );
    assert.equal(names.length, wanted.size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
    for (const writer of this.#left) await writer[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true });
  }

  async #put({ target, content, isStream }: Put): Promise<void> {
    const bytes = CONTENTS[content] ?? Buffer.alloc(0);
    const caller = await this.#begin(target);
    const source = isStream ? pieces(bytes) : Buffer.from(bytes);
    const { value } = await this.#artifacts.store(caller, target.session, WANTED, source);
    this.#live.set(keyOf(target, value.artifact.id), bytes);
  }

  async #putFailing({ put, at, isCrash }: FailingPut): Promise<void> {
    const caller = await this.#begin(put.target);
    this.#fails = { at, isCrash };
    try {
      await this.#put(put);
    } catch (error) {
      if (!(error instanceof SojournError && error.code === "store_unavailable")) throw error;
    } finally {
      this.#fails = undefined;
    }
    if (this.#isDown) await this.#crash();
    // What only seemed to fail is there.
    const { items } = await this.#artifacts.list(caller, put.target.session, { limit: 1_000 });
    for (const { id } of items) {
      const key = keyOf(put.target, id);
      if (!this.#live.has(key)) this.#live.set(key, CONTENTS[put.content] ?? Buffer.alloc(0));
    }
  }

  async #begin({ tenant, session }: Target): Promise<Caller> {
    const caller = { tenant, actor: "tester" };
    await this.#sessions.create(caller, { sessionId: session, ifExists: "return", idleTimeoutUs: null });
    return caller;
  }

  async #delete(target: Target, which: number): Promise<void> {
    const own = [...this.#live.keys()].filter((key) => key.startsWith(keyOf(target, "")));
    const key = own[which % own.length];
    if (key === undefined) return;
    this.#live.delete(key);
    await this.#artifacts.delete({ tenant: target.tenant, actor: "tester" }, target.session, key.split(" ")[2] ?? "");
  }

  async #erase(target: Target): Promise<void> {
    await this.#sessions.delete(await this.#begin(target), target.session);
    for (const key of this.#live.keys()) if (key.startsWith(keyOf(target, ""))) this.#live.delete(key);
  }

  /** Opens everything anew; what was being written stays as it is. */
  async #crash(): Promise<void> {
    await this.#store.close();
    this.#isDown = false;
    this.#store = this.#openStore();
    this.#blobs = this.#openBlobs();
    this.#sessions = this.#openSessions();
    this.#artifacts = this.#openArtifacts();
  }

  async #assertReadable(): Promise<void> {
    for (const [key, bytes] of this.#live) {
      const [tenant = "", session = "", id = ""] = key.split(" ");
      await using opened = await this.#artifacts.open({ tenant, actor: "tester" }, session, id);
      const read = Buffer.concat(await Array.fromAsync(opened));
      assert.ok(read.equals(bytes), `${key} has its bytes`);
    }
  }

  #openStore(): Store {
    return openSqliteStore({ directory: this.#directory, durability: "none" });
  }

  #openBlobs(): BlobStore {
    return openFsBlobStore({ directory: join(this.#directory, "blobs"), durability: "none" });
  }

  #openSessions(): Sessions {
    return new Sessions({ store: this.#failingStore(), clock: this.#clock, ids: this.#ids, digest: sha256 });
  }

  #openArtifacts(): Artifacts {
    const ports = { store: this.#failingStore(), clock: this.#clock, ids: this.#ids, digest: sha256 };
    return new Artifacts({ ...ports, sessions: this.#sessions, blobs: this.#failingBlobs() }, SETTINGS);
  }

  #failingStore(): Store {
    const store = this.#store;
    return {
      ...faulty(store, { seed: 0, delays: 0 }),
      inUse: (files) => this.#unlessDown(() => store.inUse(files)),
      commit: (commit) =>
        this.#unlessDown(async () => {
          this.#failAt("commit");
          const committed = await store.commit(commit);
          this.#failAt("committed");
          return committed;
        }),
    };
  }

  #failingBlobs(): BlobStore {
    const blobs = this.#blobs;
    return {
      create: async () => {
        const writer = await blobs.create();
        return {
          write: (bytes) =>
            this.#unlessDown(async () => {
              this.#failAt("write");
              await writer.write(bytes);
            }),
          finish: () =>
            this.#unlessDown(async () => {
              this.#failAt("finish");
              const name = await writer.finish();
              this.#failAt("finished");
              return name;
            }),
          [Symbol.asyncDispose]: async () => {
            if (this.#isDown) this.#left.push(writer);
            else await writer[Symbol.asyncDispose]();
          },
        };
      },
      open: (name) => blobs.open(name),
      delete: (names) => this.#unlessDown(() => blobs.delete(names)),
      list: () => blobs.list(),
    };
  }

  async #unlessDown<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isDown) throw lost();
    return await call();
  }

  #failAt(point: FailingPut["at"]): void {
    if (this.#fails?.at !== point) return;
    this.#isDown = this.#fails.isCrash;
    this.#fails = undefined;
    throw lost();
  }
}

describe("a random history of artifacts", () => {
  it("leaves every live artifact its bytes, and no file that nothing refers to", async () => {
    const property = fc.asyncProperty(fc.array(steps, { maxLength: 30, size: "max" }), async (history) => {
      await using cabinet = new Cabinet();
      for (const step of history) await cabinet.play(step);
      await cabinet.assertSound();
    });
    await fc.assert(property, { numRuns: 10 });
  });
});

function lost(): SojournError {
  return new SojournError("store_unavailable", { message: "The store failed, as it was told" });
}

function keyOf({ tenant, session }: Target, id: string): string {
  return `${tenant} ${session} ${id}`;
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700_000) yield bytes.subarray(at, at + 700_000);
}
