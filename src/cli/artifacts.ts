import type { Artifact, ArtifactDescription, ArtifactFilter, Artifacts, Moment, Permission } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, shown, size, table } from "./print.ts";
import { withProgress } from "./progress.ts";
import { openSource } from "./source-file.ts";
import { wireArtifact, wireGrant } from "./wire-artifact.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn artifacts put`. Programs get one line of JSON for each artifact. */
export async function putArtifacts(
  artifacts: Artifacts,
  files: readonly string[],
  options: ArtifactDescription & ForPrograms & { readonly name?: string | undefined; readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { name, json, signal, type, mimeType, tags, metadata } = options;
  const put = async (file: string): Promise<void> => {
    const stored = await about(file, signal, async () => {
      using source = await openSource(file, signal);
      const described = { type, mimeType, tags, metadata, signal };
      return await withProgress((onProgress) =>
        artifacts.store(name ?? baseName(file), source.content, { ...described, onProgress }),
      );
    });
    if (json) printJson(wireArtifact(stored));
    else console.log(`${stored.artifactId}  ${shown(stored.name)} v${stored.version}  ${size(stored.size)}`);
  };
  return await eachOf(files, put, signal);
}

/** `sojourn artifacts list`. */
export async function listArtifacts(
  artifacts: Artifacts,
  { json, limit, ...query }: ArtifactFilter & ForPrograms & { readonly limit: number; readonly signal: AbortSignal },
): Promise<ExitCode> {
  const found: Artifact[] = [];
  let isMore = false;
  for await (const artifact of artifacts.list({ ...query, pageSize: Math.min(limit + 1, 1_000) })) {
    isMore = found.length === limit;
    if (isMore) break;
    found.push(artifact);
  }
  if (json) printJson(found.map(wireArtifact));
  else if (found.length === 0) console.log("No artifacts");
  else console.log(table(["ARTIFACT", "NAME", "VERSION", "TYPE", "SIZE", "STORED", "TAGS"], found.map(row)));
  if (isMore) console.error("There are more; see them with --limit, or --limit all");
  return EXIT.ok;
}

function row({ artifactId, name, version, type, size: bytes, createdAt, tags }: Artifact): readonly string[] {
  return [artifactId, name, `${version}`, type, size(bytes), moment(createdAt), tags.join(" ")];
}

/** `sojourn artifacts show`. */
export async function showArtifact(
  artifacts: Artifacts,
  wanted: string,
  { json, ...options }: ForPrograms & Finding,
): Promise<ExitCode> {
  const artifact = await findArtifact(artifacts, wanted, options);
  if (json) printJson(wireArtifact(artifact));
  else console.log(table([], facts(artifact)));
  return EXIT.ok;
}

function facts(artifact: Artifact): readonly (readonly string[])[] {
  const { tags, metadata, storedSize, isCompressed, goneSeq } = artifact;
  const kept = storedSize === undefined ? "gone" : `${size(storedSize)}${isCompressed ? ", compressed" : ""}`;
  const all: readonly (readonly [string, string | undefined])[] = [
    ["artifact", artifact.artifactId],
    ["session", artifact.sessionId],
    ["name", artifact.name],
    ["version", `${artifact.version}`],
    ["type", artifact.type],
    ["media type", artifact.mimeType],
    ["size", size(artifact.size)],
    ["kept as", kept],
    ["hash", artifact.contentHash],
    ["hash before", artifact.previousHash],
    ["tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["metadata", Object.keys(metadata).length === 0 ? undefined : JSON.stringify(metadata)],
    ["stored", `${moment(artifact.createdAt)} by ${artifact.createdBy}, operation ${artifact.seq}`],
    ["deleted", goneSeq === undefined ? undefined : `operation ${goneSeq}`],
  ];
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

/** `sojourn artifacts rm`. */
export async function removeArtifacts(
  artifacts: Artifacts,
  ids: readonly string[],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const deleted: string[] = [];
  const code = await eachOf(ids, async (id) => {
    await artifacts.delete(id);
    deleted.push(id);
    if (!json) console.log(`${id}: deleted`);
  });
  if (json) printJson({ deleted });
  return code;
}

/** `sojourn artifacts grant`. */
export async function grantArtifact(
  artifacts: Artifacts,
  id: string,
  { grantee, permission, json }: ForPrograms & { readonly grantee: string; readonly permission: Permission },
): Promise<ExitCode> {
  const grant = await artifacts.grant(id, grantee, permission);
  if (json) printJson(wireGrant(grant));
  else console.log(`${id}: ${grant.sessionId} may ${MAY[grant.permission]}`);
  return EXIT.ok;
}

const MAY: Readonly<Record<Permission, string>> = {
  read: "read it",
  write: "read it, and store versions of it",
  admin: "read it, store versions of it, delete it and share it",
};

/** `sojourn artifacts revoke`. */
export async function revokeArtifact(
  artifacts: Artifacts,
  id: string,
  { grantee, json }: ForPrograms & { readonly grantee: string },
): Promise<ExitCode> {
  await artifacts.revoke(id, grantee);
  if (json) printJson({ artifact_id: id, revoked: grantee });
  else console.log(`${id}: no longer shared with ${grantee}`);
  return EXIT.ok;
}

/** `sojourn artifacts grants`. */
export async function listGrants(artifacts: Artifacts, id: string, { json }: ForPrograms): Promise<ExitCode> {
  const grants = await artifacts.grants(id);
  if (json) printJson(grants.map(wireGrant));
  else if (grants.length === 0) console.log("Shared with nobody");
  else {
    const rows = grants.map(({ sessionId, uid, permission, seq }) => [sessionId, uid, permission, `${seq}`]);
    console.log(table(["SESSION", "UID", "MAY", "SINCE"], rows));
  }
  return EXIT.ok;
}

/** As of when an artifact is looked for. */
export interface Finding {
  readonly at?: Moment | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The artifact of that id, or the newest version of that name. */
export async function findArtifact(artifacts: Artifacts, wanted: string, { at, signal }: Finding): Promise<Artifact> {
  if (/^artifact_[0-9a-f]{16}$/.test(wanted)) return await artifacts.get(wanted, { at, signal });
  const [newest] = await artifacts.query({ name: wanted, at, limit: 1, signal });
  if (newest !== undefined) return newest;
  throw new SojournError("artifact_not_found", {
    message: `There is no artifact of the id or name "${shown(wanted)}"`,
  });
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** Says of which file it is that it can't be stored. */
async function about<T>(file: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted || !isAboutOne(error) || error.message.includes(`"${file}"`)) throw error;
    const name = file === "-" ? "Standard input" : file;
    throw new SojournError(error.code, { message: `${name}: ${error.message}`, faults: error.faults, cause: error });
  }
}

/** Tells refusals that another file would not meet. */
function isAboutOne(error: unknown): error is SojournError {
  return error instanceof SojournError && ["payload_too_large", "invalid", "limit_reached"].includes(error.code);
}
