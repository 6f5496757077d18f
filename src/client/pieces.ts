import type { Bytes } from "./content.ts";
import type { Deadline } from "./deadline.ts";

/** An answer whose body has begun; whoever reads it gives it time to bring more, and lets go of the deadline. */
export interface OpenAnswer {
  readonly response: Response;
  readonly deadline: Deadline;
}

/** The bytes of an answer as they come, until it ends, or nothing comes for so long. */
export async function* piecesOf(
  { response, deadline }: OpenAnswer,
  silenceMs: number,
): AsyncGenerator<Bytes, void, undefined> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      deadline.restart(silenceMs);
      const piece = await reader?.read();
      if (piece?.value === undefined) return;
      // How long whoever reads takes over a piece is not the server's silence.
      deadline.pause();
      yield piece.value;
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}
