import type { JsonObject } from "../../engine/json.ts";
import { keyOf, plainValue } from "./key.ts";

/** What a user asks to forget, as nulls: `forget my name`, `please delete my phone number`, `forget where I live`. */
export function forgottenFacts(sentence: string): JsonObject {
  const found = FORGET.exec(sentence);
  if (found === null) return {};
  const what = plainValue(found[1] ?? "");
  const known = KNOWN.find(([pattern]) => pattern.test(what));
  if (known !== undefined) return Object.fromEntries(known[1].map((key) => [key, null]));
  const mine = /^(?:about )?(?:that )?my ([^,]{1,60}?)(?: is\b.*| was\b.*|, please| please| again)?$/i.exec(what)?.[1];
  return mine === undefined ? {} : { [keyOf(mine)]: null };
}

const FORGET =
  /^(?:please |can you |could you |would you |i want you to |you (?:can|should|may|must) )*(?:please )?(?:forget|delete|remove|erase) (?:about )?(.{1,200})$/i;

const KNOWN: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(?:my (?:full |first )?name|what my name is|who i am|that my name is|that i'm called)\b/i, ["name"]],
  [/^(?:where i live|my (?:address|home|city|location)|that i live)\b/i, ["location", "address"]],
  [/^(?:where i(?:'m| am) from|my origin|that i(?:'m| am) from)\b/i, ["origin"]],
  [/^(?:how old i am|my age|that i(?:'m| am) \d)/i, ["age"]],
  [/^(?:where i work|my employer|that i work (?:at|for))\b/i, ["employer"]],
  [/^(?:what i do|my (?:job|occupation|profession)|that i work as)\b/i, ["occupation", "employer"]],
  [/^(?:when i was born|my birthday)\b/i, ["birthday", "birth_year"]],
  [/^(?:my allerg|what i(?:'m| am) allergic to|that i(?:'m| am) allergic)/i, ["allergy"]],
];
