import type { Degradation, Quality, Session } from "../src/client/index.ts";

/** The app that makes objects of objects. */
export const PANTRY = "pantry";

/** An object as the app returns it. */
export interface Dish {
  readonly id: string;
  readonly quality: Quality;
  readonly degradation?: Degradation;
}

/** Makes objects of nothing, each of which is degraded where there is a reason; returns their ids. */
export async function pick(session: Session, names: readonly string[], reason?: string): Promise<readonly string[]> {
  const { output } = await session.run<{ ids: string[] }>(PANTRY, "pick", { names, ...(reason && { reason }) });
  return output.ids;
}

/** Makes an object of others; returns its id. */
export async function cook(session: Session, from: readonly string[], reason?: string): Promise<string> {
  const input = { name: `of ${from.length}`, from, ...(reason && { reason }) };
  return (await session.run<Dish>(PANTRY, "cook/dish", input)).output.id;
}

/** Makes an object, and one of that, and so on; returns the ids of all, in their order. */
export async function chain(session: Session, length: number, reason?: string): Promise<readonly string[]> {
  const ids = [...(await pick(session, ["first"], reason))];
  for (let last = ids[0]; last !== undefined && ids.length < length; last = ids.at(-1)) {
    ids.push(await cook(session, [last]));
  }
  return ids;
}
