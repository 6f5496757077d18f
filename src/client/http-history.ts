import type { Connection, Envelope } from "./connection.ts";
import type { Bytes, OnProgress, Source } from "./content.ts";
import {
  decodeCheckpoint,
  decodeDiff,
  decodeFamily,
  decodeReplay,
  type WireCheckpoint,
  type WireDiff,
  type WireFamily,
  type WireReplayReport,
} from "./decode-history.ts";
import { encodeBody, encodeQuery } from "./encode.ts";
import type { Checkpoint, Diff, Family, ImportQuery, NewFork, ReplayReport, ReplayRequest } from "./history.ts";
import { type HttpCalls, sessionPath, textOf, WITH_SESSION } from "./http-calls.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { Request } from "./request.ts";
import type { HistoryTransport, NewCheckpoint, Page, Seen, Sighting } from "./transport.ts";

/** How long a replay may take where nobody says otherwise. */
const REPLAY_MS = 300_000;

/** The way to what a server's sessions were. */
export class HttpHistory implements HistoryTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  get #connection(): Connection {
    return this.#calls.connection;
  }

  async checkpoint(uid: string, wanted: NewCheckpoint, options: WriteOptions): Promise<Seen<Checkpoint>> {
    const path = `${sessionPath(uid)}/checkpoints?${WITH_SESSION}`;
    const data = await this.#calls.write({ method: "POST", path, body: encodeBody(wanted) }, options);
    return this.#calls.withSession(data, decodeCheckpoint(data as unknown as WireCheckpoint));
  }

  async checkpoints(uid: string, cursor: string | undefined, options: CallOptions): Promise<Page<Checkpoint>> {
    const answer = await this.#calls.read(`${sessionPath(uid)}/checkpoints`, { cursor }, options);
    const items = this.#calls.itemsOf(answer["checkpoints"]) as readonly WireCheckpoint[];
    return { items: items.map(decodeCheckpoint), next: textOf(answer["next_cursor"]) };
  }

  async fork(uid: string, wanted: NewFork, options: WriteOptions): Promise<Sighting> {
    const request = { method: "POST", path: `${sessionPath(uid)}/fork`, body: encodeBody(wanted) } as const;
    return await this.#calls.change(request, options);
  }

  async replay(uid: string, wanted: ReplayRequest, options: CallOptions): Promise<ReplayReport> {
    const { mode, timeoutMs: workMs = REPLAY_MS } = wanted;
    const request: Request = {
      method: "POST",
      path: `${sessionPath(uid)}/replay`,
      body: encodeBody(wanted),
      ...(workMs > 0 && { workMs }),
    };
    // What is executed is done, whoever hears of it.
    const answer = await (mode === "execute"
      ? this.#connection.once(request, options)
      : this.#connection.read(request, options));
    return decodeReplay(this.#calls.dataOf(answer) as unknown as WireReplayReport);
  }

  async diff(uid: string, other: string, options: CallOptions): Promise<Diff> {
    const wire: Envelope = await this.#calls.read(`${sessionPath(uid)}/diff`, { with: other }, options);
    return decodeDiff(wire as unknown as WireDiff);
  }

  async tree(uid: string, options: CallOptions): Promise<Family> {
    return decodeFamily((await this.#calls.read(`${sessionPath(uid)}/tree`, {}, options)) as unknown as WireFamily);
  }

  export(uid: string, options: CallOptions): AsyncGenerator<Bytes, void, undefined> {
    const path = `${sessionPath(uid)}/export`;
    return this.#connection.bytes({ method: "GET", path, type: "application/octet-stream" }, options);
  }

  async import(
    source: Source,
    query: ImportQuery,
    options: WriteOptions & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Sighting> {
    const request = { method: "POST", path: "/sessions/import", query: encodeQuery(query) } as const;
    return this.#calls.seen(this.#calls.dataOf(await this.#connection.send(request, source, options)));
  }
}
