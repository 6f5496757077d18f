import { type Session, type Sojourn, SojournError } from "../client/index.ts";

/** What a script is allowed, and where. */
interface HostOptions {
  readonly sojourn: Sojourn;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly fileRoots?: readonly string[] | undefined;
  readonly httpHosts?: readonly string[] | undefined;
}

/** What the functions of one script share. */
export class ScriptHost {
  readonly sojourn: Sojourn;
  /** The script's own. */
  readonly folder: string;
  /** Aborts when the script is stopped. */
  readonly signal: AbortSignal;
  readonly fileRoots: readonly string[];
  readonly httpHosts: readonly string[];
  #current: { readonly id: string; readonly uid: string } | undefined;

  constructor({ sojourn, folder, signal, fileRoots = [], httpHosts = [] }: HostOptions) {
    this.sojourn = sojourn;
    this.folder = folder;
    this.signal = signal;
    this.fileRoots = fileRoots;
    this.httpHosts = httpHosts;
  }

  /** The current session, as the script named it. */
  get current(): string | undefined {
    return this.#current?.id;
  }

  /** @throws {SojournError} `session_not_found` */
  async setCurrent(id: string | undefined): Promise<void> {
    // By its uid it stays the same, also where it ends and another begins under its name.
    this.#current = id === undefined ? undefined : { id, uid: (await this.session(id)).uid };
  }

  /**
   * A session by its id; the current one where there is none, or an empty one.
   *
   * @throws {SojournError} `session_not_found`; `invalid` where there is no current one
   */
  async session(id: string | undefined): Promise<Session> {
    const wanted = id || this.#current?.uid;
    if (wanted === undefined) {
      throw new SojournError("invalid", { message: "No current session: give an id, or call Session.setCurrent" });
    }
    return await this.sojourn.sessions.get(wanted, { signal: this.signal });
  }
}
