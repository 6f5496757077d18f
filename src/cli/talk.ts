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

/** What is said one after the other, and the session that holds it, which is made once there is something to hold. */
export class Talk {
  readonly sojourn: Sojourn;
  readonly #options: TalkOptions;
  #session: Session | undefined;

  private constructor(sojourn: Sojourn, options: TalkOptions, session: Session | undefined) {
    this.sojourn = sojourn;
    this.#options = options;
    this.#session = session;
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

  async begin(signal: AbortSignal): Promise<Session> {
    const { userId } = this.#options;
    this.#session ??= await this.sojourn.sessions.create({ userId }, { signal });
    return this.#session;
  }

  /** Lets go of the session; what is said next begins another. */
  leave(): void {
    this.tellHowToGoOn();
    this.#session = undefined;
  }

  /** Says on standard error how to come back, if there is anything to come back to. */
  tellHowToGoOn(): void {
    if (this.#session === undefined || this.#session.memory.messages === 0) return;
    const { data, url, tenant } = this.#options;
    const flags = Object.entries({ session: this.#session.sessionId, url, data, tenant }).map(([name, value]) =>
      value === undefined ? "" : ` --${name} ${/^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`,
    );
    console.error(`To go on: sojourn chat${flags.join("")}`);
  }
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
