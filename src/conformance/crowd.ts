import { SECOND } from "../engine/clock.ts";
import type { Stream } from "../engine/store.ts";
import type { Draft } from "../engine/streams.ts";
import { type Author, draft, type Fields, requests } from "./author.ts";

const ENDS: readonly (readonly Draft[])[] = [
  [],
  [draft("session.suspended", { reason: "paused" })],
  [requests(3), draft("session.completed", {})],
  [draft("session.failed", { reason: "why" })],
  [requests(1)],
];

const NAMES = [undefined, "Beta", "alpha", "Beta", "émile", "ﬀ", "🏕️ camp", "50%_off\\"];

/**
 * Fills a tenant with sessions of every sort: all statuses, ties in every order, some whose time is over at the clock's
 * `now` without their log saying so.
 */
export async function crowd(author: Author, size: number): Promise<readonly Stream[]> {
  const streams: Stream[] = [];
  for (let i = 0; i < size; i++) {
    // Three sessions share each moment, so that every sort has ties.
    if (i % 3 === 0) author.clock.advance(SECOND);
    const stream = await author.create(fields(i));
    const drafts = ENDS[i % ENDS.length] ?? [];
    streams.push(drafts.length === 0 ? stream : await author.append(stream, ...drafts));
  }
  author.clock.advance(SECOND);
  for (let i = 0; i < size; i += 7) {
    const stream = streams[i];
    if (stream !== undefined)
      streams[i] = await author.append(stream, draft("session.updated", { tags: ["late", "x"] }));
  }
  return streams;
}

function fields(i: number): Fields {
  const name = NAMES[i % NAMES.length];
  return {
    sessionId: `Session-${i}`,
    userId: `user-${i % 3}`,
    ...(name === undefined ? {} : { name }),
    ...(i % 4 === 0 ? { description: `What number ${i} is FOR` } : {}),
    tags: ["x", "y", "z"].filter((_, bit) => (i >> bit) % 2 === 1),
    ...(i % 6 === 5 ? { parentSessionId: `Session-${i % 2}` } : {}),
    ...(i % 2 === 0 ? { idleTimeoutUs: (1 + (i % 5)) * 4 * SECOND } : {}),
    ...(i % 8 === 1 ? { maxLifetimeUs: 6 * SECOND } : {}),
  };
}
