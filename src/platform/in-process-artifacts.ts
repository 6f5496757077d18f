import type { Stored } from "../artifacts/artifacts.ts";
import type { ArtifactFilter, ArtifactState, Grant, Permission } from "../client/artifact.ts";
import type { Bytes, OnProgress, Source } from "../client/content.ts";
import { decodeArtifact, decodeGrant } from "../client/decode-artifacts.ts";
import { encodeDescription } from "../client/encode.ts";
import type { CallOptions } from "../client/inputs.ts";
import type {
  ArtifactToSend,
  ArtifactTransport,
  ArtifactWrite,
  ContentPart,
  FileToStore,
  Page,
  Sighting,
  Told,
} from "../client/transport.ts";
import type * as engine from "../engine/artifact.ts";
import { given } from "../engine/given.ts";
import type { Moment } from "../engine/history.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { Caller } from "../engine/sessions.ts";
import * as shapes from "../http/dialects/native/artifacts.ts";
import { parse } from "../http/request.ts";
import { type InProcessCalls, StreamSighting } from "./in-process-calls.ts";
import { bodyOf, momentOf, queryOf, writing } from "./input.ts";

/** The way to the artifacts of this process's sessions. */
export class InProcessArtifacts implements ArtifactTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  async store(
    session: string,
    { wanted, source }: ArtifactToSend,
    options: ArtifactWrite & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Told<ArtifactState>> {
    const query = parse(shapes.NewRawArtifactShape, encodeDescription(wanted));
    const write = writing(`store ${session}`, query, options);
    const described = shapes.decodeRawArtifact(query, undefined);
    const { whole } = source;
    const bytes = whole instanceof Uint8Array && options.onProgress === undefined ? whole : bytesOf(source, options);
    const { artifacts } = this.#calls.engine;
    return await this.#stored(options, (caller) => artifacts.store(caller, session, described, bytes, write));
  }

  async storeFile(
    session: string,
    { type: artifactType, ...file }: FileToStore,
    options: ArtifactWrite,
  ): Promise<Told<ArtifactState>> {
    const body = bodyOf(shapes.NewArtifactShape, { artifactType, ...file });
    const write = writing(`store file ${session}`, body, options);
    const decoded = shapes.decodeNewArtifact(body);
    // NOTE: a body with a path is decoded to a file.
    const { file: wanted } = decoded as Extract<shapes.DecodedArtifact, { readonly file: object }>;
    const { artifacts } = this.#calls.engine;
    return await this.#stored(options, (caller) => artifacts.storeFile(caller, session, wanted, write));
  }

  async get(session: string, artifactId: string, at: Moment | undefined, options: CallOptions): Promise<ArtifactState> {
    const moment = momentOf(at);
    const get = async (caller: Caller): Promise<ArtifactState> => {
      const seq = await this.#seqOf(caller, session, moment);
      const artifact = await this.#calls.engine.artifacts.get(caller, session, artifactId, seq);
      return artifactOf(artifact, await this.#calls.nameOf(session));
    };
    return await this.#calls.call(options, get, asItIs);
  }

  async *content(
    session: string,
    artifactId: string,
    { at, span }: ContentPart,
    { signal }: CallOptions,
  ): AsyncGenerator<Bytes, void, undefined> {
    signal?.throwIfAborted();
    const { artifacts } = this.#calls.engine;
    const moment = momentOf(at);
    await using opened = await this.#calls.during(async () => {
      const caller = await this.#calls.caller();
      const seq = await this.#seqOf(caller, session, moment);
      return await artifacts.open(caller, session, artifactId, { ...given("at", seq), ...given("range", span) });
    });
    yield* this.#calls.pieces(opened, signal);
  }

  async list(
    session: string,
    { at, ...filter }: ArtifactFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<ArtifactState>> {
    const moment = momentOf(at);
    const query = shapes.decodeArtifacts(queryOf(shapes.ArtifactsQueryShape, { ...filter, cursor }));
    const list = async (caller: Caller): Promise<Page<ArtifactState>> => {
      const seq = await this.#seqOf(caller, session, moment);
      const page = await this.#calls.engine.artifacts.list(caller, session, { ...query, ...given("at", seq) });
      const name = await this.#calls.nameOf(session);
      return { items: page.items.map((artifact) => artifactOf(artifact, name)), next: page.next };
    };
    return await this.#calls.call(options, list, asItIs);
  }

  async delete(session: string, artifactId: string, options: ArtifactWrite): Promise<Told<undefined>> {
    const write = writing(`delete ${session} ${artifactId}`, {}, options);
    const { artifacts } = this.#calls.engine;
    const remove = (caller: Caller) => artifacts.delete(caller, session, artifactId, write);
    return await this.#calls.call(options, remove, ({ value }) => {
      return { value: undefined, seen: options.wantsSession ? new StreamSighting(value.session) : undefined };
    });
  }

  async grant(
    session: string,
    artifactId: string,
    shared: { readonly sessionId: string; readonly permission: Permission },
    options: ArtifactWrite,
  ): Promise<Told<Grant>> {
    const body = bodyOf(shapes.NewGrantShape, shared);
    const write = writing(`grant ${session} ${artifactId}`, body, options);
    const { session_id: sessionId, permission } = body;
    const { artifacts } = this.#calls.engine;
    const grant = async (caller: Caller): Promise<Told<Grant>> => {
      const answer = await artifacts.grant(caller, session, artifactId, { sessionId, permission }, write);
      return { value: await this.#grantOf(answer.value), seen: await this.#look(caller, session, options) };
    };
    return await this.#calls.call(options, grant, asItIs);
  }

  async revoke(session: string, artifactId: string, grantee: string, options: ArtifactWrite): Promise<Told<undefined>> {
    const write = writing(`revoke ${session} ${artifactId} ${grantee}`, {}, options);
    const { artifacts } = this.#calls.engine;
    const revoke = async (caller: Caller): Promise<Told<undefined>> => {
      await artifacts.revoke(caller, session, artifactId, grantee, write);
      return { value: undefined, seen: await this.#look(caller, session, options) };
    };
    return await this.#calls.call(options, revoke, asItIs);
  }

  async grants(session: string, artifactId: string, options: CallOptions): Promise<readonly Grant[]> {
    const read = async (caller: Caller): Promise<readonly Grant[]> => {
      const grants = await this.#calls.engine.artifacts.grants(caller, session, artifactId);
      return await Promise.all(grants.map((grant) => this.#grantOf(grant)));
    };
    return await this.#calls.call(options, read, asItIs);
  }

  async #stored(
    options: ArtifactWrite,
    store: (caller: Caller) => Promise<Answer<Stored>>,
  ): Promise<Told<ArtifactState>> {
    return await this.#calls.call(options, store, ({ value: { session, artifact } }) => {
      const seen = options.wantsSession ? new StreamSighting(session) : undefined;
      return { value: artifactOf(artifact, session.record.sessionId), seen };
    });
  }

  async #look(caller: Caller, session: string, { wantsSession }: ArtifactWrite): Promise<Sighting | undefined> {
    return wantsSession ? new StreamSighting(await this.#calls.engine.sessions.get(caller, session)) : undefined;
  }

  async #grantOf(grant: engine.Grant): Promise<Grant> {
    return decodeGrant(shapes.encodeGrant(grant, await this.#calls.nameOf(grant.grantee)));
  }

  async #seqOf(caller: Caller, session: string, moment: Moment | undefined): Promise<number | undefined> {
    return moment === undefined ? undefined : await this.#calls.engine.history.seqOf(caller, session, moment);
  }
}

/** The bytes of a source, of each of which is told; they end with the signal. */
export async function* bytesOf(
  source: Source,
  { signal, onProgress }: CallOptions & { readonly onProgress?: OnProgress | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = 0;
  for await (const piece of source.open()) {
    signal?.throwIfAborted();
    done += piece.length;
    onProgress?.({ done, total: source.size });
    yield piece;
  }
  if (done === 0) onProgress?.({ done, total: 0 });
}

// A copy: the engine goes on with its own.
function artifactOf(artifact: engine.Artifact, sessionId: string | undefined): ArtifactState {
  return decodeArtifact(structuredClone(shapes.encodeArtifact(artifact, sessionId ?? "")));
}

function asItIs<T>(value: T): T {
  return value;
}
