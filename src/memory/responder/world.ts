/** What answers a question after the time, the day or the weather; `undefined` where the question is another. */
export function aboutWorld(question: string): string | undefined {
  if (CLOCK.test(question)) return `I can't tell, as I have no clock: ${NO_MODEL}`;
  return OUTSIDE.test(question) ? `I can't tell: ${NO_MODEL}` : undefined;
}

/** What the responder is, as far as it is why a question stays open. */
export const NO_MODEL = "I'm Sojourn's built-in responder, not a language model, and know only what you tell me here.";

const WHEN = "(?: (?:right )?now| today| tomorrow| currently| at the moment| here| there| outside| in .{1,60}| again)*";

const CLOCK = new RegExp(
  `^(?:(?:what|which) (?:time|day|date|month|year|season|weekday)(?: of the (?:week|month|year))?(?:'s it| is it| it is| do we have| is (?:today|now|tomorrow)| was yesterday|'s today)|(?:what(?:'s|s| is)) (?:the (?:current )?(?:time|date|day|year|month)|today(?:'s (?:date|day))?|(?:today's|the current) (?:date|time|day))|how late is it|what is the time|do you have the time|the time|is (?:it|today) (?:already )?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|a? ?weekend|late|early|morning|noon|night))${WHEN}$`,
  "i",
);

const OUTSIDE = new RegExp(
  `^(?:(?:what|how)(?:'s|s| is| will) the (?:weather|temperature|forecast)(?: be)?(?: like)?|is it (?:going to )?(?:be )?(?:raining|rain|snowing|snow|sunny|cold|hot|warm|windy|cloudy|dark)|will it (?:rain|snow|be (?:sunny|cold|hot|warm|windy|cloudy))|how (?:cold|hot|warm) is it|what(?:'s| is) (?:happening|going on|new|the news)(?: in the world)?)${WHEN}$`,
  "i",
);
