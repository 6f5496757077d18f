import { setTimeout } from "node:timers/promises";

/** Stands in for an agent: it thinks for a moment, answers, and fails at what is impossible. */
export async function agent(task: string): Promise<string> {
  await setTimeout(5);
  if (task.includes("impossible")) throw new Error(`Cannot do: ${task}`);
  return `Done: ${task}`;
}
