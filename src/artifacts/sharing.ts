import { type Artifact, PERMISSIONS, type Permission } from "../engine/artifact.ts";
import { noteAccess } from "../engine/artifact-commands.ts";
import { SojournError } from "../engine/errors.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";

/** Which artifact, what for, and of which moment. */
export interface Wanted {
  readonly artifactId: string;
  readonly needed: Permission;
  readonly at?: number;
}

/**
 * Who may do what with artifacts. A key of the tenant, and the session that they belong to, may do everything; another
 * session what it was granted. What that does, or is refused, is written into the log of the session that they belong to.
 */
export class Sharing {
  readonly #ports: { readonly sessions: Sessions; readonly store: Store };

  constructor(ports: { readonly sessions: Sessions; readonly store: Store }) {
    this.#ports = ports;
  }

  /**
   * The artifact, where the caller may use it so.
   *
   * @throws {SojournError} `artifact_not_found`, `forbidden`
   */
  async get(caller: Caller, session: Session, { artifactId, needed, at }: Wanted): Promise<Artifact> {
    const artifact = await this.#ports.store.artifact(session.ref, artifactId);
    if (artifact === undefined || !wasThere(artifact, at)) throw missing(artifactId, session);
    await this.#assertMay(caller, session, { artifact, needed });
    return artifact;
  }

  /**
   * The session, where the caller may store an artifact of that name in it: another session needs to be granted to write
   * to the latest of that name.
   */
  async mayStore(caller: Caller, sessionId: string, name: string): Promise<Session> {
    const session = await this.#ports.sessions.shared(caller, sessionId);
    if (isFree(caller, session)) return session;
    const [latest] = (await this.#ports.store.artifacts(session.ref, { name, limit: 1 })).items;
    if (latest === undefined) throw forbidden(caller, session, `store "${name}" there`);
    await this.#assertMay(caller, session, { artifact: latest, needed: "write" });
    return session;
  }

  async #assertMay(
    caller: Caller,
    session: Session,
    { artifact, needed }: { readonly artifact: Artifact; readonly needed: Permission },
  ): Promise<void> {
    if (isFree(caller, session)) return;
    const { id: artifactId } = artifact;
    const by = caller.actingAs ?? "";
    const granted = await this.#ports.store.permission(session.ref, artifactId, by);
    const may = granted !== undefined && PERMISSIONS.indexOf(granted) >= PERMISSIONS.indexOf(needed);
    const refusal = may ? undefined : `It has ${granted === undefined ? "no" : `only ${granted}`} permission`;
    await this.#ports.sessions.change(caller, session.ref.id, noteAccess({ artifactId, by, needed }, refusal), {
      isGranted: true,
    });
    if (!may) throw forbidden(caller, session, `${VERBS[needed]} artifact ${artifactId}`);
  }
}

const VERBS: Readonly<Record<Permission, string>> = {
  read: "read",
  write: "write new versions of",
  admin: "delete or share",
};

function isFree({ actingAs }: Caller, { ref }: Session): boolean {
  return actingAs === undefined || actingAs === ref.id;
}

function wasThere({ seq, goneSeq }: Artifact, at: number | undefined): boolean {
  return at === undefined ? goneSeq === undefined : seq <= at && (goneSeq === undefined || goneSeq > at);
}

function missing(artifactId: string, { record }: Session): SojournError {
  return new SojournError("artifact_not_found", {
    message: `Artifact ${artifactId} not found in session "${record.sessionId}"`,
  });
}

function forbidden({ actingAs }: Caller, { record }: Session, what: string): SojournError {
  return new SojournError("forbidden", {
    message: `Session ${actingAs} may not ${what}: it is of session "${record.sessionId}", which has to grant that`,
  });
}
