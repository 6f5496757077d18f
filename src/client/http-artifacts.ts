import { invalid } from "../engine/errors.ts";
import type { ArtifactFilter, ArtifactState, Grant, Moment, Permission } from "./artifact.ts";
import type { Envelope } from "./connection.ts";
import type { Bytes, OnProgress } from "./content.ts";
import { decodeArtifact, decodeGrant, type WireArtifact, type WireGrant } from "./decode-artifacts.ts";
import { encodeBody, encodeDescription, encodeQuery, type QueryValue } from "./encode.ts";
import { type HttpCalls, sessionPath, textOf } from "./http-calls.ts";
import type { CallOptions } from "./inputs.ts";
import { queryText } from "./request.ts";
import type {
  ArtifactToSend,
  ArtifactTransport,
  ArtifactWrite,
  ContentPart,
  FileToStore,
  Page,
  Told,
} from "./transport.ts";

/** The way to the artifacts of a server's sessions. */
export class HttpArtifacts implements ArtifactTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async store(
    session: string,
    { wanted, source }: ArtifactToSend,
    options: ArtifactWrite & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Told<ArtifactState>> {
    const query = { ...encodeDescription(wanted), ...returning(options) };
    assertFits(query);
    const request = { method: "POST", path: artifactsPath(session), query } as const;
    return this.#stored(await this.#calls.connection.send(request, source, options));
  }

  async storeFile(
    session: string,
    { type: artifactType, ...file }: FileToStore,
    options: ArtifactWrite,
  ): Promise<Told<ArtifactState>> {
    const body = encodeBody({ artifactType, ...file });
    const request = { method: "POST", path: artifactsPath(session), query: returning(options), body } as const;
    return this.#stored(await this.#calls.connection.write(request, options));
  }

  async get(session: string, artifactId: string, at: Moment | undefined, options: CallOptions): Promise<ArtifactState> {
    const wire = await this.#calls.read(artifactPath(session, artifactId), { at }, options);
    return decodeArtifact(wire as unknown as WireArtifact);
  }

  content(
    session: string,
    artifactId: string,
    { at, length, span }: ContentPart,
    options: CallOptions,
  ): AsyncGenerator<Bytes, void, undefined> {
    const path = `${artifactPath(session, artifactId)}/content`;
    const range = span && `bytes=${span.first < 0 ? span.first : `${span.first}-${span.last ?? ""}`}`;
    return this.#calls.connection.bytes({ method: "GET", path, query: encodeQuery({ at }), range, length }, options);
  }

  async list(
    session: string,
    query: ArtifactFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<ArtifactState>> {
    const answer = await this.#calls.read(artifactsPath(session), { ...query, cursor }, options);
    const items = this.#calls.itemsOf(answer["artifacts"]) as readonly WireArtifact[];
    return { items: items.map(decodeArtifact), next: textOf(answer["next_cursor"]) };
  }

  async delete(session: string, artifactId: string, options: ArtifactWrite): Promise<Told<undefined>> {
    const path = artifactPath(session, artifactId);
    const request = { method: "DELETE", path, query: returning(options) } as const;
    return this.#calls.told(await this.#calls.write(request, options), undefined);
  }

  async grant(
    session: string,
    artifactId: string,
    shared: { readonly sessionId: string; readonly permission: Permission },
    options: ArtifactWrite,
  ): Promise<Told<Grant>> {
    const path = `${artifactPath(session, artifactId)}/grants`;
    const request = { method: "POST", path, query: returning(options), body: encodeBody(shared) } as const;
    const answer = await this.#calls.write(request, options);
    return this.#calls.told(answer, decodeGrant(answer as unknown as WireGrant));
  }

  async revoke(session: string, artifactId: string, grantee: string, options: ArtifactWrite): Promise<Told<undefined>> {
    const path = `${artifactPath(session, artifactId)}/grants/${encodeURIComponent(grantee)}`;
    const request = { method: "DELETE", path, query: returning(options) } as const;
    return this.#calls.told(await this.#calls.write(request, options), undefined);
  }

  async grants(session: string, artifactId: string, options: CallOptions): Promise<readonly Grant[]> {
    const answer = await this.#calls.read(`${artifactPath(session, artifactId)}/grants`, {}, options);
    return (this.#calls.itemsOf(answer["grants"]) as readonly WireGrant[]).map(decodeGrant);
  }

  #stored(answer: Envelope): Told<ArtifactState> {
    const data = this.#calls.dataOf(answer);
    return this.#calls.told(data, decodeArtifact(data as unknown as WireArtifact));
  }
}

/** As much as servers, and what is before them, take of an address. */
const QUERY_MAX = 7_000;

function assertFits(query: Readonly<Record<string, QueryValue>>): void {
  const { length } = queryText(query);
  if (length <= QUERY_MAX) return;
  const message = `takes ${length} characters in the address of the request, with all that is said beside it; at most ${QUERY_MAX} fit`;
  throw invalid([{ field: "metadata", message, type: "too_big" }]);
}

function returning({ wantsSession }: ArtifactWrite): { readonly return?: string } {
  return wantsSession ? { return: "session" } : {};
}

function artifactsPath(session: string): string {
  return `${sessionPath(session)}/artifacts`;
}

function artifactPath(session: string, artifactId: string): string {
  return `${artifactsPath(session)}/${artifactId}`;
}
