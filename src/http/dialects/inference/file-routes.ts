import { Readable } from "node:stream";
import { z } from "zod";
import type { NewArtifact, Opened } from "../../../artifacts/artifacts.ts";
import type { Artifact } from "../../../engine/artifact.ts";
import { SojournError } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Caller } from "../../../engine/sessions.ts";
import type { Page } from "../../../engine/store.ts";
import { BYTES, type Call, type Download, NO_CONTENT, NOTHING, type Reply, type Route, route } from "../../route.ts";
import { answered, enveloped, VERSION_HEADERS } from "./answer.ts";
import { decodeCapability, digestOf, isSame, mintId, mintSecret } from "./capability.ts";
import { decodeList, ListShape } from "./decode.ts";
import { encodePage, pageShape } from "./encode.ts";
import {
  encodeFile,
  FILES_SESSION,
  FileShape,
  type Kept,
  keptWith,
  maySend,
  NewFilesShape,
  noSuchCapability,
  noSuchFile,
  ofSize,
  UPLOAD_US,
} from "./files.ts";

/** What an address holds that opens a file. */
const TokenShape = z.object({ token: z.string() });

/**
 * Files: artifacts of one session of the tenant, each by its id as its name. An empty version stands for the bytes until
 * they are sent.
 */
export const fileRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/files",
    operationId: "createFiles",
    summary: "Make room for files, whose bytes are then sent to the address of each",
    scope: "apps:execute",
    headers: VERSION_HEADERS,
    body: NewFilesShape,
    isWrite: false,
    answers: { 200: enveloped(z.array(FileShape)) },
    refusals: ["limit_reached"],
    handle: async (call) => answered(call, await created(call)),
  }),
  route({
    method: "PUT",
    path: "/files/{id}/upload",
    operationId: "uploadFile",
    summary: "Send the bytes of a file, by its address alone; again takes their place",
    scope: "open",
    query: TokenShape,
    bytes: { take: "always", limit: "artifact" },
    isWrite: false,
    answers: { 204: NOTHING },
    refusals: ["limit_reached", "storage_full"],
    handle: uploaded,
  }),
  route({
    method: "GET",
    path: "/files/{id}/content",
    operationId: "getFileContent",
    summary: "The bytes of a file, by its address alone",
    scope: "open",
    query: TokenShape,
    isWrite: false,
    type: "*/*",
    answers: { 200: BYTES },
    refusals: [],
    handle: content,
  }),
  route({
    method: "GET",
    path: "/files/{id}",
    operationId: "getFile",
    summary: "What is told of a file",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(FileShape) },
    refusals: ["not_found"],
    handle: async (call) => answered(call, encodeFile(call, await found(call, call.caller))),
  }),
  route({
    method: "POST",
    path: "/files/list",
    operationId: "listFiles",
    summary: "Files, the newest first, page by page",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    body: ListShape,
    isBodyOptional: true,
    isWrite: false,
    answers: { 200: enveloped(pageShape(FileShape)) },
    refusals: [],
    handle: async (call) => {
      const query = decodeList(call.body);
      const { items, next } = await unlessNone(call.artifacts.list(call.caller, FILES_SESSION, query));
      const files = items.map((artifact) => encodeFile(call, artifact));
      return answered(call, encodePage(files, { ...query, next }));
    },
  }),
  route({
    method: "DELETE",
    path: "/files/{id}",
    operationId: "deleteFile",
    summary: "Remove a file",
    scope: "apps:execute",
    isWrite: false,
    answers: { 204: NOTHING },
    refusals: ["not_found"],
    handle: async (call) => {
      await found(call, call.caller);
      await removeBefore(call, call.caller);
      return NO_CONTENT;
    },
  }),
];

type CreateCall = Call<unknown, z.output<typeof NewFilesShape>>;

async function created(call: CreateCall): Promise<readonly object[]> {
  const { sessions, artifacts, caller, now } = call;
  await sessions.create(caller, { sessionId: FILES_SESSION, idleTimeoutUs: null, ifExists: "return" });
  const files: object[] = [];
  for (const { filename, content_type: type, path, size } of call.body.files) {
    const secret = mintSecret();
    const kept: Kept = {
      filename: filename ?? "",
      path: path ?? "",
      ...given("size", size ?? undefined),
      read_secret: mintSecret(),
      upload_digest: digestOf(secret),
      upload_until: now() + UPLOAD_US,
    };
    const wanted = fileArtifact(mintId("file_"), { type: type || "application/octet-stream", kept });
    const { value } = await artifacts.store(caller, FILES_SESSION, wanted, new Uint8Array());
    files.push(encodeFile(call, value.artifact, secret));
  }
  return files;
}

type TokenCall = Call<z.output<typeof TokenShape>>;

async function uploaded(call: TokenCall): Promise<Reply> {
  const { caller, artifact, kept, secret } = await opened(call);
  if (!maySend(kept, secret, call.now())) throw noSuchCapability();
  const wanted = fileArtifact(artifact.name, { type: artifact.mimeType, kept });
  const sent = call.bytes ?? Readable.from([]);
  const bytes = kept.size === undefined ? sent : ofSize(sent, kept.size);
  const stored = await call.artifacts.store(caller, FILES_SESSION, wanted, bytes);
  await removeBefore(call, caller, stored.value.artifact.version);
  return NO_CONTENT;
}

async function content(call: TokenCall): Promise<Reply> {
  const { caller, artifact, kept, secret } = await opened(call);
  if (!isSame(kept.read_secret, secret)) throw noSuchCapability();
  const bytes = await call.artifacts.open(caller, FILES_SESSION, artifact.id);
  return {
    download: downloadOf(bytes),
    fileName: kept.filename === "" ? artifact.name : kept.filename,
    type: artifact.mimeType,
    headers: { "content-security-policy": "sandbox", "cache-control": "private, no-cache" },
  };
}

/** The file that an address is of, and on whose behalf it is used. What it opens is still to be asked. */
async function opened(call: TokenCall): Promise<{
  readonly caller: Caller;
  readonly artifact: Artifact;
  readonly kept: Kept;
  readonly secret: string;
}> {
  const capability = decodeCapability(call.query.token);
  if (capability === undefined || !/^file_[0-9a-f]{16}$/.test(call.id)) throw noSuchCapability();
  const caller = { tenant: capability.tenant, actor: call.id };
  const [artifact] = (await versions(call, caller, 1)).items;
  const kept = artifact && keptWith(artifact);
  if (artifact === undefined || kept === undefined) throw noSuchCapability();
  return { caller, artifact, kept, secret: capability.secret };
}

async function found(call: Call, caller: Caller): Promise<Artifact> {
  const [artifact] = (await versions(call, caller, 1)).items;
  if (artifact === undefined) throw noSuchFile(call.id);
  return artifact;
}

/** Removes the versions of a file, or those before one of them. */
async function removeBefore(call: Call, caller: Caller, version: number = Number.POSITIVE_INFINITY): Promise<void> {
  for (const artifact of (await versions(call, caller, 100)).items) {
    if (artifact.version < version) await call.artifacts.delete(caller, FILES_SESSION, artifact.id);
  }
}

/** The newest first. */
async function versions({ artifacts, id: name }: Call, caller: Caller, limit: number): Promise<Page<Artifact>> {
  return await unlessNone(artifacts.list(caller, FILES_SESSION, { name, limit }));
}

/** A page, or an empty one where the tenant has no files yet. */
async function unlessNone(page: Promise<Page<Artifact>>): Promise<Page<Artifact>> {
  try {
    return await page;
  } catch (error) {
    if (error instanceof SojournError && error.code === "session_not_found") return { items: [] };
    throw error;
  }
}

function fileArtifact(name: string, { type, kept }: { readonly type: string; readonly kept: Kept }): NewArtifact {
  return { name, type: "user_input", mimeType: type, metadata: { ...kept } };
}

function downloadOf(opened: Opened): Download {
  return {
    ...given("bytes", opened.length),
    [Symbol.asyncIterator]: () => opened[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
