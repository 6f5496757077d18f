import { z } from "zod";
import type { ByteRange, Opened } from "../../../artifacts/artifacts.ts";
import type { Artifact } from "../../../engine/artifact.ts";
import { SojournError } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Session } from "../../../engine/sessions.ts";
import { BYTES, type Call, type Download, NOTHING, type Reply, type Route, route } from "../../route.ts";
import { answered, writeRefusals } from "./answer.ts";
import * as artifacts from "./artifacts.ts";
import { AtShape, ReturnQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import { seqOf } from "./history-routes.ts";

/** Larger contents go as they are. */
const JSON_BODY = 4 * 1_048_576;

const artifactAnswer = encode.enveloped(artifacts.ArtifactShape);

const readRefusals = ["session_not_found", "artifact_not_found", "checkpoint_not_found"] as const;

const changeRefusals = [
  "session_not_found",
  "artifact_not_found",
  "precondition_failed",
  "idempotency_mismatch",
  "conflict",
] as const;

const CONTENT_HEADERS = z.object({
  Range: z.string().optional().describe("One range of bytes, such as bytes=0-1023 or bytes=-500"),
  "If-Range": z.string().optional().describe("An ETag: the range is of this content, or else the whole is wanted"),
  "If-None-Match": z.string().optional().describe("ETags of what is there already: 304 if it is one of them"),
});

const CONTENT_ANSWER_HEADERS = z.object({
  "Accept-Ranges": z.literal("bytes").optional(),
  "Content-Range": z.string().optional().describe("Of a part: which of how many bytes; with 416 how many there are"),
  "Content-Disposition": z.string().optional().describe("The name to save it as"),
});

/** The files of sessions. */
export const artifactRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/sessions/{id}/artifacts",
    operationId: "storeArtifact",
    summary:
      "Store a file: in JSON, or its bytes as they are with the rest in the query, or one of the server's machine",
    scope: "sessions:write",
    query: artifacts.NewRawArtifactShape,
    body: artifacts.NewArtifactShape,
    bytes: { take: "unless_json", limit: "artifact" },
    maxBodyBytes: JSON_BODY,
    isWrite: true,
    answers: { 201: encode.enveloped(encode.besideSession(artifacts.ArtifactShape)) },
    refusals: [...writeRefusals, "limit_reached"],
    handle: async (call) => {
      const answer = await stored(call);
      const { session, artifact } = answer.value;
      const data = artifacts.encodeArtifact(artifact, session.record.sessionId);
      return { status: 201, ...answered(answer, { ...data, ...withSession(call, session) }, session) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/artifacts",
    operationId: "listArtifacts",
    summary: "The session's files, the newest first, page by page",
    scope: "sessions:read",
    query: artifacts.ArtifactsQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(
        z.object({ artifacts: z.array(artifacts.ArtifactShape), next_cursor: z.string().optional() }),
      ),
    },
    refusals: ["session_not_found", "checkpoint_not_found"],
    handle: async (call) => {
      const query = { ...artifacts.decodeArtifacts(call.query), ...(await seqOf(call)) };
      const { items, next } = await call.artifacts.list(call.caller, call.id, query);
      const sessionId = await nameOf(call, call.id);
      const shown = items.map((artifact) => artifacts.encodeArtifact(artifact, sessionId));
      return { body: encode.envelope({ artifacts: shown, ...given("next_cursor", next) }, call.now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/artifacts/{artifact_id}",
    operationId: "getArtifact",
    summary: "What is known of a file",
    scope: "sessions:read",
    query: AtShape,
    isWrite: false,
    answers: { 200: artifactAnswer },
    refusals: readRefusals,
    handle: async (call) => {
      const artifact = await found(call);
      return { body: encode.envelope(artifacts.encodeArtifact(artifact, await nameOf(call, call.id)), call.now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/artifacts/{artifact_id}/content",
    operationId: "getContent",
    summary: "The bytes of a file, or some of them; each is held against its hash before it is sent",
    scope: "sessions:read",
    query: AtShape,
    headers: CONTENT_HEADERS,
    answerHeaders: CONTENT_ANSWER_HEADERS,
    isWrite: false,
    type: "*/*",
    answers: {
      200: BYTES.describe("All of it"),
      206: BYTES.describe("The part"),
      304: NOTHING.describe("It is there already"),
    },
    refusals: [...readRefusals, "range_not_satisfiable"],
    handle: content,
  }),
  route({
    method: "DELETE",
    path: "/sessions/{id}/artifacts/{artifact_id}",
    operationId: "deleteArtifact",
    summary: "Remove a file; its bytes go with the last that has them",
    scope: "sessions:write",
    query: ReturnQueryShape,
    isWrite: true,
    answers: {
      200: encode.enveloped(encode.besideSession(z.object({ artifact_id: z.string(), session_id: z.string() }))),
    },
    refusals: changeRefusals,
    handle: async (call) => {
      const answer = await call.artifacts.delete(call.caller, call.id, named(call.params), call.write);
      const { artifactId, session } = answer.value;
      const data = { artifact_id: artifactId, session_id: session.record.sessionId, ...withSession(call, session) };
      return answered(answer, data, session);
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/artifacts/{artifact_id}/grants",
    operationId: "listGrants",
    summary: "The sessions that a file is shared with",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(z.object({ grants: z.array(artifacts.GrantShape) })) },
    refusals: ["session_not_found", "artifact_not_found"],
    handle: async (call) => {
      const grants = await call.artifacts.grants(call.caller, call.id, named(call.params));
      const shown = await Promise.all(
        grants.map(async (grant) => artifacts.encodeGrant(grant, await nameIfAny(call, grant.grantee))),
      );
      return { body: encode.envelope({ grants: shown }, call.now()) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/artifacts/{artifact_id}/grants",
    operationId: "grantArtifact",
    summary: "Share a file, and later versions of it, with another session; again changes the permission",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: artifacts.NewGrantShape,
    isWrite: true,
    answers: { 201: encode.enveloped(encode.besideSession(artifacts.GrantShape)) },
    refusals: changeRefusals,
    handle: async (call) => {
      const { session_id: sessionId, permission } = call.body;
      const shared = { sessionId, permission };
      const answer = await call.artifacts.grant(call.caller, call.id, named(call.params), shared, call.write);
      const data = artifacts.encodeGrant(answer.value, await nameIfAny(call, answer.value.grantee));
      return { status: 201, ...answered(answer, { ...data, ...withSession(call, await owner(call)) }) };
    },
  }),
  route({
    method: "DELETE",
    path: "/sessions/{id}/artifacts/{artifact_id}/grants/{session_id}",
    operationId: "revokeArtifact",
    summary: "Share a file with a session no more",
    scope: "sessions:write",
    query: ReturnQueryShape,
    isWrite: true,
    answers: {
      200: encode.enveloped(
        encode.besideSession(z.object({ artifact_id: z.string(), session_id: z.string(), uid: z.string() })),
      ),
    },
    refusals: [...changeRefusals, "not_found"],
    handle: async (call) => {
      const { session_id: granteeId = "" } = call.params;
      const answer = await call.artifacts.revoke(call.caller, call.id, named(call.params), granteeId, call.write);
      const { artifactId, grantee } = answer.value;
      const sessionId = (await nameIfAny(call, grantee)) ?? grantee;
      const data = { artifact_id: artifactId, session_id: sessionId, uid: grantee };
      return answered(answer, { ...data, ...withSession(call, await owner(call)) });
    },
  }),
];

type StoreCall = Call<z.output<typeof artifacts.NewRawArtifactShape>, z.output<typeof artifacts.NewArtifactShape>>;

async function stored({ artifacts: it, caller, id, query, body, bytes, header, write }: StoreCall) {
  const type = header("content-type");
  if (bytes !== undefined) {
    // What separates the parts of a form would become part of the file.
    if (type !== undefined && /^\s*multipart\//i.test(type)) {
      throw new SojournError("invalid_content_type", {
        message: "A form with parts is not understood; send the file's bytes as they are, or JSON",
      });
    }
    return await it.store(caller, id, artifacts.decodeRawArtifact(query, type), bytes, write);
  }
  artifacts.assertNoRaw(query);
  const decoded = artifacts.decodeNewArtifact(body);
  if ("file" in decoded) return await it.storeFile(caller, id, decoded.file, write);
  return await it.store(caller, id, decoded.wanted, decoded.content, write);
}

type ReadCall = Call<z.output<typeof AtShape>>;

/**
 * The bytes, as RFC 9110 has it: what is there already is not sent again, and a part only where it is of this content. A
 * range means nothing to a `HEAD` (14.2).
 */
async function content(call: ReadCall): Promise<Reply> {
  const { isHead, header, setHeader } = call;
  const range = isHead ? undefined : artifacts.decodeRange(header("range"));
  const at = await seqOf(call);
  const open = (part?: ByteRange): Promise<Opened> =>
    call.artifacts.open(call.caller, call.id, named(call.params), { ...at, ...given("range", part) });
  if (range === undefined) return await reply(call, await open());
  try {
    const opened = await open(range);
    if (isPartWanted(call, opened.artifact)) return await reply(call, opened, { isPart: true });
    await opened[Symbol.asyncDispose]();
  } catch (refusal) {
    if (!(refusal instanceof SojournError && refusal.code === "range_not_satisfiable")) throw refusal;
    const artifact = await found(call);
    if (isPartWanted(call, artifact) && !isThere(call, artifact)) {
      setHeader("content-range", `bytes */${artifact.size}`);
      throw refusal;
    }
  }
  return await reply(call, await open());
}

async function reply(call: ReadCall, opened: Opened, { isPart = false } = {}): Promise<Reply> {
  const { artifact, offset, length } = opened;
  const headers = {
    etag: tagOf(artifact),
    // Its keeper asks again each time: what was shared may be shared no more.
    "cache-control": "private, no-cache",
  };
  if (isThere(call, artifact)) {
    await opened[Symbol.asyncDispose]();
    return { status: 304, text: "", type: artifact.mimeType, headers };
  }
  return {
    status: isPart ? 206 : 200,
    download: downloadOf(opened),
    fileName: artifact.name,
    type: artifact.mimeType,
    headers: {
      ...headers,
      "accept-ranges": "bytes",
      "content-security-policy": "sandbox",
      ...(isPart && { "content-range": `bytes ${offset}-${offset + length - 1}/${artifact.size}` }),
    },
  };
}

function downloadOf(opened: Opened): Download {
  return {
    bytes: opened.length,
    [Symbol.asyncIterator]: () => opened[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

function tagOf({ digest }: Artifact): string {
  return `"${digest}"`;
}

function isThere({ header }: ReadCall, artifact: Artifact): boolean {
  return artifacts.namesTag(header("if-none-match"), tagOf(artifact));
}

function isPartWanted({ header }: ReadCall, artifact: Artifact): boolean {
  const condition = header("if-range");
  return condition === undefined || condition.trim() === tagOf(artifact);
}

async function found(call: ReadCall): Promise<Artifact> {
  const { at } = await seqOf(call);
  return await call.artifacts.get(call.caller, call.id, named(call.params), at);
}

type ReturnCall = Call<z.output<typeof ReturnQueryShape>>;

/** The session, where it is asked for, and is the caller's to look at. */
function withSession({ query, caller: { actingAs } }: Pick<ReturnCall, "query" | "caller">, session: Session) {
  const isTheirs = actingAs === undefined || actingAs === session.ref.id;
  return query.return === "session" && isTheirs ? { session: encode.encodeSession(session) } : undefined;
}

/** The session that a call is about, whoever calls. */
async function owner({ sessions, caller, id }: Pick<Call, "sessions" | "caller" | "id">): Promise<Session> {
  return await sessions.get({ tenant: caller.tenant, actor: caller.actor }, id);
}

function named({ artifact_id: artifactId = "" }: Call["params"]): string {
  return artifactId;
}

/** What a session is called. Whether the caller may know of it was decided by then. */
async function nameOf(call: Pick<Call, "sessions" | "caller">, id: string): Promise<string> {
  const { sessions, caller } = call;
  return (await sessions.get({ tenant: caller.tenant, actor: caller.actor }, id)).record.sessionId;
}

async function nameIfAny({ sessions, caller }: Pick<Call, "sessions" | "caller">, uid: string) {
  const session = await sessions.find({ tenant: caller.tenant, actor: caller.actor }, uid);
  return session?.record.sessionId;
}
