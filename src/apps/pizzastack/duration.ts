import { z } from "../../app-format/index.ts";

/** A time as its caller wrote it, and what that means. */
export interface Duration {
  readonly text: string;
  readonly seconds: number;
}

const LONGEST_SECONDS = 86_400;

const WANTED = 'must be a time with its unit, more than 0 and at most 24h, such as "90s", "30m", "1h" or "1h30m"';

/**
 * Hours, minutes and seconds, each with its unit: `"1h30m"`.
 *
 * It takes whatever it is given, so that a number without a unit is answered with examples too, and not with its type alone.
 */
export const duration = z
  .preprocess(
    (given) => given,
    z.string(WANTED).transform((text, { addIssue }): Duration => {
      const seconds = secondsOf(text);
      if (seconds === undefined) addIssue(WANTED);
      return { text, seconds: seconds ?? 0 };
    }),
  )
  .describe('Hours, minutes and seconds, each with its unit: "90s", "30m", "1h", "1h30m"; at most 24h');

/** How many seconds a time has; `undefined` for what is none, or out of bounds. */
export function secondsOf(text: string): number | undefined {
  const [, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d{1,5}(?:\.\d+)?)h)?(?:(\d{1,5}(?:\.\d+)?)m)?(?:(\d{1,5}(?:\.\d+)?)s)?$/.exec(text.trim()) ?? [];
  const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  return total > 0 && total <= LONGEST_SECONDS ? total : undefined;
}
