import type { Bytes, OnProgress, Source } from "../client/content.ts";
import { decodeCheckpoint, decodeDiff, decodeFamily, decodeReplay } from "../client/decode-history.ts";
import type { Checkpoint, Diff, Family, ImportQuery, NewFork, ReplayReport, ReplayRequest } from "../client/history.ts";
import type { CallOptions, WriteOptions } from "../client/inputs.ts";
import type { HistoryTransport, NewCheckpoint, Page, Seen, Sighting } from "../client/transport.ts";
import { given } from "../engine/given.ts";
import type * as engine from "../engine/history.ts";
import type { Caller } from "../engine/sessions.ts";
import { pageLimit } from "../http/dialects/native/decode.ts";
import * as shapes from "../http/dialects/native/history.ts";
import { bytesOf } from "./in-process-artifacts.ts";
import { type InProcessCalls, seenWith } from "./in-process-calls.ts";
import { bodyOf, queryOf, writing } from "./input.ts";

/** The way to what this process's sessions were. */
export class InProcessHistory implements HistoryTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #history(): engine.History {
    return this.#calls.engine.history;
  }

  async checkpoint(uid: string, wanted: NewCheckpoint, options: WriteOptions): Promise<Seen<Checkpoint>> {
    const body = bodyOf(shapes.NewCheckpointShape, wanted);
    const write = writing(`checkpoint ${uid}`, body, options);
    const named = { name: body.name, ...given("data", body.data) };
    const name = (caller: Caller) => this.#history.checkpoint(caller, uid, named, write);
    return await this.#calls.call(options, name, ({ value }) =>
      seenWith(value.session, checkpointOf(value.checkpoint)),
    );
  }

  async checkpoints(uid: string, cursor: string | undefined, options: CallOptions): Promise<Page<Checkpoint>> {
    const query = queryOf(shapes.CheckpointsQueryShape, { cursor });
    const page = { limit: pageLimit(query.limit), ...given("cursor", query.cursor) };
    const read = (caller: Caller) => this.#history.checkpoints(caller, uid, page);
    return await this.#calls.call(options, read, ({ items, next }) => ({ items: items.map(checkpointOf), next }));
  }

  async fork(uid: string, wanted: NewFork, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.NewForkShape, wanted);
    const write = writing(`fork ${uid}`, body, options);
    return await this.#calls.change(options, (caller) =>
      this.#history.fork(caller, uid, shapes.decodeFork(body), write),
    );
  }

  async replay(uid: string, wanted: ReplayRequest, options: CallOptions): Promise<ReplayReport> {
    const request = shapes.decodeReplay(bodyOf(shapes.ReplayShape, wanted));
    const replay = (caller: Caller) => this.#history.replay(caller, uid, request);
    return await this.#calls.call(options, replay, (report) =>
      decodeReplay(structuredClone(shapes.encodeReplay(report)) as Parameters<typeof decodeReplay>[0]),
    );
  }

  async diff(uid: string, other: string, options: CallOptions): Promise<Diff> {
    const query = queryOf(shapes.DiffQueryShape, { with: other });
    const compare = (caller: Caller) => this.#history.diff(caller, uid, query.with);
    return await this.#calls.call(options, compare, (diff) =>
      decodeDiff(structuredClone(shapes.encodeDiff(diff)) as Parameters<typeof decodeDiff>[0]),
    );
  }

  async tree(uid: string, options: CallOptions): Promise<Family> {
    const look = (caller: Caller) => this.#history.family(caller, uid);
    return await this.#calls.call(options, look, (family) => decodeFamily(shapes.encodeFamily(family)));
  }

  async *export(uid: string, { signal }: CallOptions): AsyncGenerator<Bytes, void, undefined> {
    signal?.throwIfAborted();
    const begin = async () => await this.#calls.engine.bundles.export(await this.#calls.caller(), uid, signal);
    await using file = await this.#calls.during(begin);
    yield* this.#calls.pieces(file, signal);
  }

  async import(
    source: Source,
    query: ImportQuery,
    options: WriteOptions & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Sighting> {
    const wire = queryOf(shapes.ImportQueryShape, query);
    const write = writing("import", wire, options);
    const { head, session_id: sessionId } = wire;
    const wanted = { ...given("head", head), ...given("sessionId", sessionId), ...given("signal", options.signal) };
    const { bundles } = this.#calls.engine;
    return await this.#calls.change(options, (caller) =>
      bundles.import(caller, bytesOf(source, options), wanted, write),
    );
  }
}

// A copy: the engine goes on with its own.
function checkpointOf(checkpoint: engine.Checkpoint): Checkpoint {
  return decodeCheckpoint(structuredClone(shapes.encodeCheckpoint(checkpoint)));
}
