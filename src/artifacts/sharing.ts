import { type Artifact, PERMISSIONS, type Permission } from "../engine/artifact.ts";
import { noteAccess } from "../engine/artifact-commands.ts";
import type { Command } from "../engine/commands.ts";
import { SojournError } from "../engine/errors.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";

/** Which artifact, what for, and of which moment. */
export interface Wanted {
  readonly artifactId: string;
  readonly needed: Permission;
  readonly at?: number;
}

/** What a caller may do: as it is, or with a note of it for the log, where another session does it. */
export type Leave = (command: Command) => Command;

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
   * The artifact, where the caller may read it.
   *
   * @throws {SojournError} `artifact_not_found`, `forbidden`
   */
  async read(caller: Caller, session: Session, wanted: Omit<Wanted, "needed">): Promise<Artifact> {
    const { artifact, leave } = await this.admit(caller, session, { ...wanted, needed: "read" });
    if (!isFree(caller, session)) await this.#write(caller, session, leave(nothing));
    return artifact;
  }

  /**
   * The artifact, where the caller may change it so, by commands with this leave.
   *
   * @throws {SojournError} `artifact_not_found`, `forbidden`
   */
  async admit(
    caller: Caller,
    session: Session,
    { artifactId, needed, at }: Wanted,
  ): Promise<{ readonly artifact: Artifact; readonly leave: Leave }> {
    const artifact = await this.#ports.store.artifact(session.ref, artifactId);
    if (artifact === undefined || !wasThere(artifact, at)) throw missing(artifactId, session);
    return { artifact, leave: await this.#leave(caller, session, { artifact, needed }) };
  }

  /**
   * The leave to store an artifact of that name: another session needs to be granted to write to the latest of them.
   *
   * @throws {SojournError} `forbidden`
   */
  async admitStore(caller: Caller, session: Session, name: string): Promise<Leave> {
    if (isFree(caller, session)) return asItIs;
    const [latest] = (await this.#ports.store.artifacts(session.ref, { name, limit: 1 })).items;
    if (latest === undefined) throw forbidden(caller, session, `store "${name}" there`);
    return await this.#leave(caller, session, { artifact: latest, needed: "write" });
  }

  async #leave(
    caller: Caller,
    session: Session,
    { artifact, needed }: { readonly artifact: Artifact; readonly needed: Permission },
  ): Promise<Leave> {
    if (isFree(caller, session)) return asItIs;
    const { id: artifactId } = artifact;
    const access = { artifactId, by: caller.actingAs ?? "", needed };
    const granted = await this.#ports.store.permission(session.ref, artifactId, access.by);
    if (granted !== undefined && PERMISSIONS.indexOf(granted) >= PERMISSIONS.indexOf(needed)) {
      return (command) => together(noteAccess(access), command);
    }
    const refusal = `It has ${granted === undefined ? "no" : `only ${granted}`} permission`;
    await this.#write(caller, session, noteAccess(access, refusal));
    throw forbidden(caller, session, `${VERBS[needed]} artifact ${artifactId}`);
  }

  async #write(caller: Caller, { ref }: Session, command: Command): Promise<void> {
    await this.#ports.sessions.change(caller, ref.id, command, { isGranted: true });
  }
}

const asItIs: Leave = (command) => command;

const nothing: Command = () => [];

/** Both, or neither. */
function together(first: Command, second: Command): Command {
  return (session, now) => {
    const [before, after] = [first(session, now), second(session, now)];
    return before === "erase" || after === "erase" ? "erase" : [...before, ...after];
  };
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
