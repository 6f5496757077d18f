import type { JsonObject } from "../engine/json.ts";
import type { ProfilePatch, Style } from "../engine/user.ts";
import { clausesOf, proseOf, sentencesOf } from "./english/sentences.ts";

/**
 * How a message says its writer likes to be answered, as a change of the profile; `undefined` where it says nothing.
 *
 * A profile reaches every session of its user, so every value comes from the closed lists of this file, never from the
 * message. Later words win over earlier ones. Quotations, code and denied wishes change nothing.
 */
export function learned(text: string): ProfilePatch | undefined {
  const wishes = sentencesOf(withoutQuotations(text)).flatMap(({ text: sentence, isQuestion }) =>
    clausesOf(sentence)
      .filter((clause) => !REPORTS.test(clause) && (!isQuestion || REQUESTS.test(clause)))
      .flatMap(wishesIn),
  );
  if (wishes.length === 0) return undefined;
  const preferences = Object.assign({}, ...wishes.map((wish) => wish.preferences)) as JsonObject;
  const style = Object.assign({}, ...wishes.map((wish) => wish.style)) as Partial<Style>;
  return { ...style, ...(Object.keys(preferences).length === 0 ? {} : { preferences }) };
}

function wishesIn(clause: string): readonly Pick<Wish, "style" | "preferences">[] {
  // `Not in technical terms` and `don't be brief` tell what is not wanted, and not what is.
  const wishes = DENIES.test(clause) ? [] : WISHES.filter(({ says }) => says.test(clause));
  const language = preferredLanguage(clause);
  return language === undefined ? wishes : [...wishes, { style: {}, preferences: { preferred_language: language } }];
}

interface Wish {
  readonly says: RegExp;
  readonly style: Partial<Style>;
  readonly preferences?: Readonly<Record<string, string>>;
}

const WISHES: readonly Wish[] = [
  {
    says: /\b(?:in (?:more |great(?:er)? |full |much )?detail|detailed (?:answer|explanation|response|repl)|more details?|be (?:more )?(?:detailed|thorough|verbose|elaborate)|elaborate (?:more|further|on)|(?:long|longer|thorough|comprehensive|in-depth) (?:answer|explanation|response|repl)|at length)/i,
    style: { verbosity: "high", depth: "deep" },
    preferences: { communication_style: "detailed" },
  },
  {
    says: /\b(?:in depth|deep dive|dig deep(?:er)?|go deep(?:er)?|step by step)\b/i,
    style: { depth: "deep" },
  },
  {
    says: /\b(?:keep (?:it|this|that|your (?:answers?|replies|responses)|answers|everything|things) (?:short|brief|concise|to the point)|be (?:more |very )?(?:brief|concise|succinct|short|to the point)|(?:short|shorter|brief|briefer|concise|terse) (?:answer|response|repl|explanation|summar)|answer (?:briefly|shortly|concisely|in (?:one|a) (?:sentence|word|line|few words))|in (?:brief|short|a nutshell|one sentence|a few words)$|briefly|less (?:verbose|wordy|detail|talk)|tl;?dr|too (?:long|verbose|wordy)|get to the point)/i,
    style: { verbosity: "low" },
    preferences: { communication_style: "brief" },
  },
  {
    says: /\b(?:eli5|like i'm (?:5|five)|as if i(?:'m| am| were| was) (?:5|five|a child|a kid)|(?:in|use|with) (?:simple|simpler|plain|easy|everyday) (?:terms|words|language|english)|(?:keep (?:it|this|things)|make it) (?:simple|simpler|easy)|explain (?:it |this |that )?simply|simple (?:answer|explanation|word|term)s?|for (?:dummies|beginners)|in layman's terms|no jargon|without jargon)/i,
    style: { depth: "shallow" },
    preferences: { communication_style: "simple" },
  },
  {
    says: /\b(?:(?:in|use) (?:more )?technical (?:terms|language|detail)|be (?:more )?technical|technical (?:answer|explanation|response)s?)/i,
    style: { tone: "technical" },
  },
  {
    says: /\b(?:be (?:more |very )?(?:formal|professional)|(?:in|use) (?:a )?(?:more )?formal (?:language|tone|english|style)|formal(?:ly)? (?:answer|tone|please)|professional tone)/i,
    style: { tone: "formal" },
  },
  {
    says: /\b(?:be (?:more |less formal and more )?(?:casual|informal|relaxed)|(?:in|use) (?:a )?(?:more )?(?:casual|informal) (?:language|tone|style)|casual(?:ly)? (?:tone|please)|less formal|talk (?:to me )?like a (?:friend|buddy))/i,
    style: { tone: "casual" },
  },
  {
    says: /\b(?:be (?:more |very )?(?:friendly|friendlier|warm|kind|nice|nicer)|(?:in|use) (?:a )?(?:more )?friend(?:ly|lier) tone|friendly tone)/i,
    style: { tone: "friendly" },
  },
  {
    says: /\b(?:(?:only|just|prefer|want|use|need|like)(?: to use| using)?(?: only)? free (?:apis?|services?|tools?|ones?|options?)|free (?:apis?|services?|tools?|options?) only|(?:no|avoid|without) paid (?:apis?|services?|tools?|options?)|(?:do not|don't) (?:want|like|use|need)(?: to (?:use|pay for))? (?:any )?(?:paid )?(?:apis?|services?|tools?)|(?:do not|don't) want to pay for (?:apis?|services?|tools?))\b/i,
    style: {},
    preferences: { api_preference: "free_only" },
  },
  {
    says: /\b(?:paid (?:apis?|services?|tools?|options?) (?:are|is) (?:ok|okay|fine|all right|alright|good|acceptable)|(?:i don't mind|happy to|willing to|i can|ok to|okay to|fine to|fine with|ok with|okay with) (?:pay(?:ing)? for|use|using)? ?(?:paid )?(?:apis?|services?|tools?|options?)|(?:can|may) use paid (?:apis?|services?|tools?))\b/i,
    style: {},
    preferences: { api_preference: "paid_ok" },
  },
];

// A denial right before the wish, not one that belongs to it, as in `no jargon` or `I don't want to pay`.
const DENIES =
  /\b(?:don't|do not|dont|never|not|no need to|needn't|needn't|stop|without|isn't|aren't|wasn't|didn't|doesn't|can't) (?:(?:want|need|like|have|you|to|be|being|so|too|please|really|ever|always|explain|it|this|that|answer|me|give|your|any|a|an|the|keep|use|go|talk|speak|write|tell|things?|everything|going) ){0,6}(?=(?:in (?:more |great |full |much )?(?:detail|depth|technical|formal|short|brief|a nutshell)|in simple|in plain|detailed|more detail|short|shorter|brief|briefly|concise|terse|long|longer|technical|formal|formally|casual|informal|friendly|simple|simply|thorough|verbose|elaborate|step by step|deep|eli5|to the point|like i'm|as if|professional))/i;

/** A question that asks for an answer of a kind: `Could you explain this in detail?` */
const REQUESTS = /\b(?:can|could|would|will|please|explain|describe|tell me|give me|show|write|eli5|tl;?dr)\b/i;

/** What somebody else wants or said tells nothing of the user. */
const REPORTS =
  /^(?:he|she|they|it|my (?!preferred|favou?rite)\p{L}+|our \p{L}+|someone|somebody|people|if|the \p{L}+)\b(?!.*\bplease\b)(?!.* too (?:long|verbose|wordy))/iu;

function preferredLanguage(clause: string): string | undefined {
  for (const pattern of LANGUAGE_WISHES) {
    const found = pattern.exec(clause);
    if (found === null || LANGUAGE_DENIED.test(clause.slice(0, found.index + found[0].length))) continue;
    const word = found[1];
    const shown = word === undefined ? undefined : LANGUAGES.get(word.toLowerCase());
    // A small `go` or `swift` is more often a verb than a language.
    if (
      word !== undefined &&
      shown !== undefined &&
      !(/^(?:go|swift|rust|dart|c|r)$/.test(word) && !FORCED.test(clause))
    )
      return shown;
  }
  return undefined;
}

const LANGUAGES: ReadonlyMap<string, string> = new Map(
  `Python JavaScript TypeScript Java Go Rust C++ C# C Ruby PHP Swift Kotlin Scala Haskell Elixir Erlang Clojure Lua Perl
  R Julia Dart OCaml F# Zig SQL Bash PowerShell Fortran COBOL Lisp Scheme Groovy`
    .split(/\s+/)
    .map((shown): [string, string] => [shown.toLowerCase(), shown])
    .concat([
      ["golang", "Go"],
      ["js", "JavaScript"],
      ["ts", "TypeScript"],
      ["py", "Python"],
      ["python3", "Python"],
      ["cpp", "C++"],
      ["csharp", "C#"],
      ["node.js", "JavaScript"],
      ["nodejs", "JavaScript"],
    ]),
);

const LANGUAGE = "([\\p{L}][\\p{L}\\d.]{0,11}(?:\\+\\+|#)?)(?![\\p{L}\\d+#])";

const LANGUAGE_WISHES: readonly RegExp[] = [
  `\\b(?:i|we|i'd|i would) (?:really |strongly |usually |mostly |much |also |generally |always |now |would )?(?:prefer|favou?r)(?: to (?:use|write|code|program|work)(?: in| with)?| using| writing(?: in)?| coding in| programming in)? ${LANGUAGE}`,
  `\\bmy (?:preferred|favou?rite|main|primary)(?: programming| coding)?(?: language| lang)? (?:is|=) ${LANGUAGE}`,
  `\\b(?:i|we) (?:mostly |mainly |usually |always |primarily |only )?(?:code|program|develop|write (?:my |our |all |everything |most of my )?(?:code|programs|software|apps)?) ?(?:mostly |mainly )?in ${LANGUAGE}`,
  `\\b(?:please|always|only|just|can you|could you|would you)?(?:^|,? )(?:write|code|implement|answer|show|give|do|use|rewrite|examples?)(?: it| this| that| me| all| everything| your| the| some| code| examples?| samples?| snippets?| answers?){0,4} (?:in|using) ${LANGUAGE}`,
  `^(?:please |always |only |just )*use ${LANGUAGE}(?: for (?:code|examples|all|everything|this|that|it)| please|$|,)`,
].map((source) => new RegExp(source, "iu"));

const FORCED =
  /\b(?:(?:i|we) (?:really |strongly )?prefer go(?:$| for| over|,)|(?:write|implement|code|rewrite|show)\b.{0,40} in (?:go|rust|swift|dart|c|r)(?:$|[ ,.!])|(?:language|lang) (?:is|=) |(?:prefer|in|use|using) (?:rust|swift|dart)\b|program in|code in)/i;

const LANGUAGE_DENIED =
  /\b(?:don't|do not|dont|never|not|no longer|hate|dislike|can't|cannot|isn't|stop|wouldn't|won't|used to|didn't)\b.{0,60}$/i;

function withoutQuotations(text: string): string {
  return proseOf(text)
    .replace(/^ ?>.*$/gm, "")
    .replace(/"[^"\n]*"|“[^”\n]*”|`[^`\n]*`/g, "…");
}
