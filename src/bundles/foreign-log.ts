import { z } from "zod";
import { genesisHash, operationHash, payloadDigest } from "../engine/chain.ts";
import type { Digest } from "../engine/digest.ts";
import { SojournError } from "../engine/errors.ts";
import { sameJson } from "../engine/json.ts";
import type { Entry, OperationKind } from "../engine/operation.ts";
import { OPERATION_KINDS } from "../engine/operation.ts";
import type { SessionInputs, SessionRecord } from "../engine/session.ts";
import { changeOf } from "../engine/state-at.ts";
import type { Head, RowChange } from "../engine/store.ts";
import { type Change, RULES } from "../engine/streams.ts";
import { damaged, faultsIn } from "./damaged.ts";
import { assertCarries } from "./inputs.ts";

/** An artifact as far as the log tells of it. */
interface Known {
  readonly digest: string;
  readonly size: number;
  readonly name: string;
  readonly isThere: boolean;
  /** It came from the session that this one was forked from. */
  readonly isInherited: boolean;
}

/** Bytes that artifacts refer to which are there. */
export interface WantedContent {
  readonly digest: string;
  readonly size: number;
  /** Whether all of these artifacts came from the session that this one was forked from, so that the bytes may be gone. */
  readonly isInherited: boolean;
}

/** A session's log that comes from elsewhere: nothing in it is believed before it was held against all that came before. */
export class ForeignLog {
  readonly #digest: Digest;
  readonly #root: string;
  readonly #artifacts = new Map<string, Known>();
  readonly #objects = new Set<string>();
  readonly #grants = new Set<string>();
  #uid: string;
  #head: Head;
  #record: SessionRecord | undefined;
  #isWhole = true;

  /** @param root  the uid of the session that the log begins with */
  constructor(root: string, digest: Digest) {
    this.#digest = digest;
    this.#root = root;
    this.#uid = root;
    this.#head = { seq: 0, hash: genesisHash({ kind: "session", id: root }, digest) };
  }

  get head(): Head {
    return this.#head;
  }

  /** Of the session that the log is of so far: the root's, or that of the last fork. */
  get uid(): string {
    return this.#uid;
  }

  /** After all that was pushed. */
  get record(): SessionRecord {
    if (this.#record !== undefined) return this.#record;
    throw new SojournError("internal", { message: "A log without operations has no record" });
  }

  /** What the artifacts that are there refer to, in the order in which they came, each once. */
  get contents(): readonly WantedContent[] {
    const contents = new Map<string, WantedContent>();
    for (const { digest, size, isThere, isInherited } of this.#artifacts.values()) {
      if (!isThere) continue;
      const known = contents.get(digest);
      if (known !== undefined && known.size !== size)
        throw damaged("content", `has two sizes for the content ${digest}`);
      contents.set(digest, { digest, size, isInherited: isInherited && (known?.isInherited ?? true) });
    }
    return [...contents.values()];
  }

  /**
   * Takes the next entry, and returns the rows that begin or end with it.
   *
   * @throws {SojournError} `invalid` for one that is not the next, not what was hashed, or not what Sojourn would have
   *   written; `store_newer` for a kind that this release does not know
   */
  push(entry: Entry): readonly RowChange[] {
    const { operation, payload } = entry;
    const { hash: before } = this.#head;
    const seq = this.#head.seq + 1;
    if (operation.seq !== seq || operation.hash !== operationHash(before, operation, this.#digest)) {
      throw damaged("chain", `has an operation ${seq} that does not follow from those before it`, seq);
    }
    if (
      payload === undefined ||
      (payload !== "erased" && payloadDigest(payload, this.#digest) !== operation.payloadDigest)
    ) {
      throw damaged("payload", `has another payload of operation ${seq} than was hashed`, seq);
    }
    const kind = OPERATION_KINDS.find((known) => known === operation.kind);
    if (kind === undefined) {
      throw new SojournError("store_newer", {
        message: `The bundle has an operation ${seq} of the kind "${operation.kind}", which this release of Sojourn does not know`,
      });
    }
    const rows = this.#fold(kind, entry, seq);
    this.#head = { seq, hash: operation.hash };
    return rows;
  }

  #fold(kind: OperationKind, entry: Entry, seq: number): readonly RowChange[] {
    try {
      const change = changeOf(entry);
      if ((kind === "session.created") !== (seq === 1)) throw new Error(`${kind} is not possible there`);
      const before = this.#record;
      if (entry.payload === "erased") this.#isWhole = false;
      else {
        assertCarries(kind, change, before);
        this.#assertConsistent(kind, change);
        this.#assertMade(entry.operation, change);
      }
      this.#record = RULES.session.fold(before, change);
      return RULES.session.rows(before, this.#record, change).filter((row) => this.#note(row));
    } catch (error) {
      const why = error instanceof z.ZodError ? faultsIn(error) : (error as Error).message;
      throw damaged("operation", `has an operation ${seq} that Sojourn would not have written: ${why}`, seq);
    }
  }

  /** Refuses an operation on what is not there, and a fork of something else. */
  #assertConsistent(kind: OperationKind, { input }: Change): void {
    // NOTE: it has the shape of its kind.
    switch (kind) {
      case "conversation.compacted": {
        const { through } = input as SessionInputs["conversation.compacted"];
        if (this.#isWhole && through > this.record.conversation.messages) throw new Error("there are fewer messages");
        return;
      }
      case "artifact.stored": {
        const { artifactId } = input as SessionInputs["artifact.stored"];
        if (this.#artifacts.has(artifactId)) throw new Error(`there was an artifact ${artifactId} before`);
        return;
      }
      case "artifact.deleted": {
        const { artifactId, name, size } = input as SessionInputs["artifact.deleted"];
        const known = this.#there(artifactId);
        if (known !== undefined && (known.name !== name || known.size !== size)) {
          throw new Error(`the artifact ${artifactId} is another one`);
        }
        return;
      }
      case "artifact.granted": {
        const { artifactId, grantee, replaces } = input as SessionInputs["artifact.granted"];
        this.#there(artifactId);
        if (this.#isWhole && replaces !== this.#grants.has(`${artifactId} ${grantee}`)) {
          throw new Error(`whether ${artifactId} was shared before is told otherwise`);
        }
        return;
      }
      case "artifact.revoked": {
        const { artifactId, grantee } = input as SessionInputs["artifact.revoked"];
        if (this.#isWhole && !this.#grants.has(`${artifactId} ${grantee}`)) {
          throw new Error(`${artifactId} was not shared`);
        }
        return;
      }
      case "task.queued":
      case "task.started":
      case "task.finished":
        this.#assertTask(kind, input as { readonly taskId: string; readonly input?: unknown });
        return;
      case "session.forked":
        this.#fork(input as SessionInputs["session.forked"]);
        return;
      default:
    }
  }

  /** A task begins once, and ends once; in a log of which nothing is erased, all of that is known. */
  #assertTask(kind: OperationKind, { taskId, input }: { readonly taskId: string; readonly input?: unknown }): void {
    const isOpen = this.record.work.tasks.some((task) => task.taskId === taskId);
    const begins = kind === "task.queued" || (kind === "task.started" && input !== undefined);
    if (begins && isOpen) throw new Error(`task ${taskId} has begun before`);
    if (!begins && !isOpen && this.#isWhole) throw new Error(`there is no task ${taskId} that has not finished`);
  }

  /** An object is made once, and its operation says so. */
  #assertMade({ kind, made }: Entry["operation"], { input }: Change): void {
    if (kind !== "task.finished" && kind !== "task.performed") return;
    // NOTE: it has the shape of its kind.
    const { objects = [] } = input as SessionInputs["task.performed"];
    const ids = objects.map(({ objectId }) => objectId);
    if (!sameJson(ids, made)) throw new Error("its objects are not those that it made");
    for (const id of ids) {
      if (this.#objects.has(id)) throw new Error(`there was an object ${id} before`);
      this.#objects.add(id);
    }
  }

  #there(artifactId: string): Known | undefined {
    const known = this.#artifacts.get(artifactId);
    if (known?.isThere || (known === undefined && !this.#isWhole)) return known;
    throw new Error(`there is no artifact ${artifactId}`);
  }

  #fork({ uid, origin }: SessionInputs["session.forked"]): void {
    const { seq, hash } = this.#head;
    if (origin.uid !== this.#uid || origin.root !== this.#root || origin.seq !== seq || origin.hash !== hash) {
      throw new Error("it is a fork of something else");
    }
    this.#uid = uid;
    this.#grants.clear();
    for (const [id, known] of this.#artifacts) this.#artifacts.set(id, { ...known, isInherited: true });
  }

  /** Keeps in mind what a row says; `false` for the end of what was erased, and so has no beginning. */
  #note(row: RowChange): boolean {
    if (row.view === "artifact") {
      if (row.change === "begin") {
        const { digest, size, name } = row;
        this.#artifacts.set(row.id, { digest, size, name, isThere: true, isInherited: false });
        return true;
      }
      const known = this.#artifacts.get(row.id);
      if (known !== undefined) this.#artifacts.set(row.id, { ...known, isThere: false });
      return known !== undefined;
    }
    if (row.view !== "grant") return true;
    const grant = `${row.artifactId} ${row.grantee}`;
    if (row.change === "end") return this.#grants.delete(grant);
    this.#grants.add(grant);
    return true;
  }
}
