import type { ChatAnswer, Reply, Session, Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { shownLines } from "./print.ts";
import type { Reach } from "./reach.ts";

/** Where somebody talks, and as whom. */
export interface TalkOptions extends Reach {
  /** The session; left out: a new one. */
  readonly id?: string | undefined;
  readonly userId?: string | undefined;
}

/** Of one message, as every server has it: a longer one is refused before a session is made for it. */
const CHARACTERS_MAX = 5_000;

/** How long the removal of a session that holds nothing may take. */
const CLEARING_MS = 2_000;

/** What is said one after the other, and the session that holds it, which is made once there is something to hold. */
export class Talk {
  readonly sojourn: Sojourn;
  readonly #options: TalkOptions;
  #session: Session | undefined;
  /** The session as it was named to us. */
  #name: string | undefined;

  private constructor(sojourn: Sojourn, options: TalkOptions, session: Session | undefined) {
    this.sojourn = sojourn;
    this.#options = options;
    this.#session = session;
    this.#name = options.id;
  }

  static async open(sojourn: Sojourn, options: TalkOptions): Promise<Talk> {
    const { id, userId } = options;
    if (id === undefined) return new Talk(sojourn, options, undefined);
    const session = await sojourn.sessions.get(id);
    if (userId !== undefined && userId !== session.userId) {
      throw new SojournError("invalid", { message: `Session ${id} is not of user "${userId}"; leave --user out` });
    }
    return new Talk(sojourn, options, session);
  }

  /** `undefined` before anything was said in a new one. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Why nothing can be said in the session, in plain words; `undefined` where something can. */
  get hindrance(): string | undefined {
    const { status, sessionId } = this.#session ?? {};
    if (status === undefined || status === "active") return undefined;
    const name = this.#name ?? sessionId;
    if (status === "suspended") {
      return `Session ${name} is suspended: resume it first, with sojourn sessions resume ${name}`;
    }
    return `Session ${name} has ended (${status}): it takes no more messages`;
  }

  /** @throws {SojournError} `invalid_session` where nothing can be said in the session */
  assertOpen(): void {
    const { hindrance } = this;
    if (hindrance === undefined) return;
    const advice = "leave --session out to begin another conversation";
    throw new SojournError("invalid_session", { message: `${hindrance}; ${advice}` });
  }

  /**
   * Says something, in a session that is made for it if need be, and removed again if nothing came of it.
   *
   * @param take  what to do with the answer as it comes
   */
  async say(
    text: string,
    signal: AbortSignal,
    take: (reply: Reply) => Promise<ChatAnswer> = async (reply) => await reply,
  ): Promise<ChatAnswer> {
    assertSayable(text);
    const isNew = this.#session === undefined;
    const { userId } = this.#options;
    const session = this.#session ?? (await this.sojourn.sessions.create({ userId }, { signal }));
    this.#session = session;
    try {
      return await take(session.chat(text, { signal }));
    } catch (error) {
      if (isNew) await this.#clear(session);
      if (!(error instanceof SojournError && error.code === "invalid_session")) throw error;
      await session.refresh({ signal });
      const { hindrance: message = error.message } = this;
      throw new SojournError(error.code, { message, cause: error });
    }
  }

  /** Lets go of the session; what is said next begins another. */
  leave(): void {
    this.tellHowToGoOn();
    this.#session = undefined;
    this.#name = undefined;
  }

  /** Says on standard error how to come back, if there is anything to come back to. */
  tellHowToGoOn(): void {
    if (!this.#session?.isActive || this.#session.memory.messages === 0) return;
    const { data, url, tenant } = this.#options;
    const session = this.#name ?? this.#session.sessionId;
    const flags = Object.entries({ session, url, data, tenant }).map(([name, value]) =>
      value === undefined ? "" : ` --${name} ${/^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`,
    );
    console.error(`To go on: sojourn chat${flags.join("")}`);
  }

  /** Removes a session that was made for a message of which nothing was kept. */
  async #clear(session: Session): Promise<void> {
    const signal = AbortSignal.timeout(CLEARING_MS);
    try {
      await session.refresh({ signal });
      if (session.memory.messages > 0) return;
      await session.delete({ signal });
      this.#session = undefined;
    } catch {
      // Why the message failed is what there is to tell. The session can still be used, or deleted.
    }
  }
}

function assertSayable(text: string): void {
  const { length } = text.trim();
  if (length === 0) throw new SojournError("invalid", { message: "There is nothing to say: the message is empty" });
  if (length <= CHARACTERS_MAX) return;
  const message = `A message must have at most ${CHARACTERS_MAX} characters, and this one has ${length}`;
  throw new SojournError("invalid", { message });
}

/** Prints an answer as it comes, with an end of line, also where it fails in the middle. */
export async function printReply(reply: Reply): Promise<ChatAnswer> {
  let hasText = false;
  try {
    for await (const token of reply) {
      hasText = true;
      process.stdout.write(shownLines(token));
    }
  } finally {
    if (hasText) process.stdout.write("\n");
  }
  const answer = await reply;
  if (answer.reason === "length") console.error("(cut off at the bound on output)");
  return answer;
}
