import { SojournError } from "../engine/errors.ts";

/** Waits for a task as long as its client does. The task goes on. */
export async function unlessGone<T>(task: Promise<T>, gone: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = (): void => {
    const message = "The client went away before its answer; the task goes on";
    left.reject(new SojournError("request_timeout", { message }));
  };
  if (gone.aborted) leave();
  gone.addEventListener("abort", leave);
  try {
    return await Promise.race([task, left.promise]);
  } finally {
    gone.removeEventListener("abort", leave);
  }
}
