import { wordsOf } from "../english/words.ts";

/** The key of what a user calls theirs: `dog's name` is `dog_name`, `favorite color` is `favourite_colour`. */
export function keyOf(phrase: string): string {
  return wordsOf(
    phrase
      .toLowerCase()
      .replaceAll("+", "p")
      .replaceAll("#", "sharp")
      .replace(/['’]s?(?=\s|$)/g, ""),
  )
    .map((word) => SPELLINGS.get(word) ?? word)
    .join("_")
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}]+/gu, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 64);
}

/** A value as it is kept: without quotation marks around it, and without marks that end a sentence. */
export function plainValue(text: string): string {
  return text
    .trim()
    .replace(/^["'“«]{1,3}|["'”»]{1,3}$/g, "")
    .replace(/[\s.,!?;:…]{1,20}$/u, "")
    .trim();
}

/** A value up to where the sentence goes on to something else: `green, because it calms me` is `green`. */
export function headOf(text: string): string {
  const at = text.search(GOES_ON);
  return plainValue(at < 0 ? text : text.slice(0, at));
}

const GOES_ON =
  /,? (?:because|since|although|though|but|while|whereas|unless|which|who|so that|and (?:i|i'm|my|he|she|it|we|they|you|that)|in case|thanks|thank you|please|btw|by the way|lol|haha)\b|, (?:and|not|so|i|my|what|how|who|where|it|he|she|it's|he's|she's|they|you)\b|,? not (?!only|just)| \(| [-–—] | :|;/i;

const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ["favorite", "favourite"],
  ["fav", "favourite"],
  ["fave", "favourite"],
  ["color", "colour"],
  ["colors", "colours"],
  ["neighbor", "neighbour"],
  ["mom", "mother"],
  ["mum", "mother"],
  ["mommy", "mother"],
  ["mummy", "mother"],
  ["dad", "father"],
  ["daddy", "father"],
  ["telephone", "phone"],
  ["mobile", "phone"],
  ["e-mail", "email"],
  ["profession", "occupation"],
  ["job", "occupation"],
  ["childrens", "children"],
  ["kids", "children"],
  ["bday", "birthday"],
]);
