/** How long a page may take to answer what takes no time. */
const ANSWER_MS = 2_000;

/**
 * What a page answers to a question that takes it no time.
 *
 * @returns `undefined` where it does not, in time or at all: one in an endless loop, or one that closed
 */
export async function answer<T>(asked: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS, undefined);
  });
  try {
    return await Promise.race([asked.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
