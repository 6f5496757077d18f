import { stemmer } from "stemmer";

/** A word of a question that tells what it is about, and what the documentation may call that instead. */
export interface Term {
  /** A name such as `idle_timeout_seconds` is one, with spaces between its parts. */
  readonly word: string;
  /** A name has those of its parts. */
  readonly stem: string;
  /** Words that mean about the same. */
  readonly others: readonly string[];
  /** Whether it is not a word of the question itself, but what some of its words come to. */
  readonly isImplied: boolean;
  /** Whether it is written as the name of something: with `_` within, or `--` before it. */
  readonly isName: boolean;
}

/** A term of a question, and how much it tells. */
export interface Weighed extends Term {
  /** Higher where fewer sections have it, highest where none has; less where the question only implies it. */
  readonly weight: number;
}

/** More of them would cost time, and tell nothing more. */
const TERMS_MAX = 24;

/** The words of a text in lower case: what stands between anything but letters and numbers; `aB` counts as `a` and `b`, too. */
export function wordsOf(text: string): readonly string[] {
  return (
    withoutHumps(text)
      .toLowerCase()
      .normalize("NFC")
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** The text with each name that has humps, such as `idleTimeoutMs`, in its parts. */
export function withoutHumps(text: string): string {
  return text.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, " ");
}

/** A word's stem, as the index has it. */
export function stemOf(word: string): string {
  // The index's tokenizer leaves all but ASCII as it is.
  return /^[a-z]+$/.test(word) ? stemmer(word) : word;
}

/** The words of a question that tell what it is about, each once; where it has no others, the common ones. */
export function termsOf(question: string): readonly Term[] {
  const names = [...question.slice(0, TEXT_MAX).matchAll(NAME)].map(([name]) => wordsOf(unprefixed(name)).join(" "));
  // The parts of a number with a point mean nothing by themselves.
  const text = question
    .slice(0, TEXT_MAX)
    .replaceAll(NAME, " ")
    .replaceAll(/\d+[.,]\d+/g, " ");
  const words = wordsOf(text);
  const telling = words.filter((word) => !COMMON.has(word) && word !== SOJOURN && (word.length > 1 || /\d/.test(word)));
  const terms = new Map<string, Term>();
  const add = (word: string, kind: Pick<Term, "isImplied" | "isName">): void => {
    const term = termOf(word, kind);
    if (!terms.has(term.stem)) terms.set(term.stem, term);
  };
  for (const name of names) add(name, { isImplied: false, isName: true });
  for (const word of telling) add(word, WORD);
  if (terms.size === 0) for (const word of words.includes(SOJOURN) ? [SOJOURN] : words) add(word, WORD);
  for (const word of impliedBy(words)) add(word, { isImplied: true, isName: false });
  return [...terms.values()].slice(0, TERMS_MAX);
}

/** A word, or a name with spaces between its parts, as a term. */
export function termOf(word: string, { isImplied, isName }: Pick<Term, "isImplied" | "isName"> = WORD): Term {
  const stem = word.split(" ").map(stemOf).join(" ");
  return { word, stem, others: OTHERS.get(stem) ?? [], isImplied, isName };
}

/** Whether a text has a term: a name where it has all of its parts. */
export function hasTerm(stems: ReadonlySet<string>, { stem }: Pick<Term, "stem">): boolean {
  return stems.has(stem) || (stem.includes(" ") && stem.split(" ").every((part) => stems.has(part)));
}

/** What a question asks the meaning of: `what is X`, or `X` alone. */
export function asksWhatIs(question: string): boolean {
  const words = wordsOf(question);
  const text = ` ${words.join(" ")} `;
  return (
    words.length <= 2 ||
    / what (?:s|is|are|was) |^ (?:explain|define|describe) | (?:definition|meaning) of | mean /.test(text)
  );
}

const WORD: Pick<Term, "isImplied" | "isName"> = { isImplied: false, isName: false };

/** How much of a question is looked at. */
const TEXT_MAX = 1_000;

/** What all of the documentation is about: no word tells less, but where it is the only one. */
export const SOJOURN = "sojourn";

/** A name as code has it. */
const NAME = /(?<![\p{L}\p{N}_-])(?:--[a-z][a-z\d]*(?:-[a-z\d]+)*|[\p{L}\p{N}]+(?:_[\p{L}\p{N}]+)+)(?![\p{L}\p{N}_])/gu;

/** An environment variable by the name of its option. */
function unprefixed(name: string): string {
  return name.replace(/^SOJOURN_/, "");
}

/** The words that some of a text's words come to, taken together. */
export function impliedBy(words: readonly string[]): readonly string[] {
  const text = ` ${words.join(" ")} `;
  return IDIOMS.flatMap(([idiom, word]) => (idiom.test(text) ? [word] : []));
}

/** What people say in several common words, and the one that it comes to. */
const IDIOMS: readonly (readonly [idiom: RegExp, word: string])[] = [
  [
    / (?:how (?:many(?! (?:\w+ )?(?:per|a) second)|much|large|big|often|long can|long may)|too (?:many|much|large|big|long)|per (?:minute|hour|day)) /,
    "limit",
  ],
  [/ (?:nobody|no one|not|never|isn t|aren t|unused).{0,10} used? /, "idle"],
  [/ (?:get|got|getting) rid of /, "remove"],
  [/ (?:go|going|went|step|jump) back /, "earlier"],
  [/ (?:takes?|taking|took) (?:too )?long /, "timeout"],
  [/ (?:at once|at the same time|side by side|in parallel) /, "concurrent"],
  [/ (?:by (?:it|them)self|on (?:its|their) own|without (?:me|asking)) /, "automatically"],
  [/ (?:not|no longer|stopped|doesn t|don t|isn t|won t) (?:work|works|working|start|starts|run|runs) /, "error"],
  [/ (?:backs?|backing|backed) (?:\w+ )?up /, "backup"],
  [/ (?:log in|sign in|log into|authenticat(?:e|es|ed|ing|ion)|credentials?) /, "key"],
  [/ (?:largest|biggest|longest|highest|at most|no more than) /, "limit"],
  [/ (?:per second|a second|how fast|how quick) /, "throughput"],
  [/ (?:golang|go (?:sdk|client|library|package|program|java)) /, "golang"],
  [/ too (?:fast|soon|early|quickly) /, "timeout"],
  [/ (?:windows|linux|macos|ubuntu|debian) /, "platform"],
  [/ (?:support|supports|supported|compatible|platforms?) /, "requirement"],
  [/ (?:forever|for ever|never (?:expires?|ends?|dies?|times? out)|no (?:timeout|expiry)) /, "unlimited"],
  [/ (?:needs?|needed|requires?|required|requirements?) /, "requirement"],
  [/ where (?:is|are|does|do) .{0,30} (?:stored?|kept|keeps?|saved?|lives?|written) /, "directory"],
  [/ (?:used up|used again|use .{0,12} (?:again|twice)) /, "reuse"],
  [/ (?:set up|get started|getting started|first steps) /, "install"],
  [/ (?:look up|look for|search for) /, "find"],
  [/ (?:keep|keeps|keeping) .{0,30}alive /, "keepalive"],
  [/ (?:what changed|what differs|what is different) /, "diff"],
  [/ (?:in my (?:own )?process|without (?:running )?a server|as a library) /, "embedded"],
  [/ (?:already (?:taken|there|exists?|used)) /, "exists"],
];

/** Words of questions that no answer is found by. */
const COMMON: ReadonlySet<string> = new Set(
  `a about above actually explain define describe definition meaning example examples near number per several support supports supported last forever after again all already also am an and another any anyone anything are aren as at be because
  been before being below better between both but by can cannot could couldn d did didn do does doesn doing don done each either else
  especially etc ever every everything exactly for from get gets getting give given go goes going gonna good got had happen happened
  happening happens has hasn have haven having help here how however i if in instead into is isn it its itself just kind know let lets like
  ll look m make makes many may maybe me mean means might more most much must my myself need needed needs no nor not of off oh ok on once one
  ones only or other otherwise our out over own please possible possibly put re really s same say see seem shall she should shouldn so
  some somebody nobody everybody somehow someone something still such sure t take tell than thank thanks that the their them then there these they thing things this those
  half hour hours minute minutes old rid away today someday out back  through to too try trying under until up us use used uses using ve very want wanted wants was wasn way ways we well were what whatever
  when where whether which while who whole whom whose why will with within without won wonder would wouldn yes yet you your`.split(
    /\s+/,
  ),
);

/** Words that people use for the same thing: each finds the others, for less than itself. */
const GROUPS: readonly string[] = [
  "delete remove erase forget wipe purge gdpr privacy",
  "delete remove cleanup retention prune clean",
  "cancel stop abort kill interrupt",
  "start run launch begin boot serve",
  "file artifact upload document attachment",
  "undo rollback revert rewind fork earlier past previous checkpoint moment",
  "branch fork copy clone continue",
  "password credential authentication authenticate authorization key unauthorized",
  "crash die outage killed lost recover recovery survive",
  "fast slow speed performance quick latency throughput benchmark",
  "limit quota maximum max cap most bound",
  "large largest larger big biggest size long",
  "install setup installation npm",
  "llm gpt openai anthropic ai model provider",
  "error fail failure exception failed broken refuse",
  "ttl expire expiry timeout idle inactive unused lifetime",
  "timeout deadline slow",
  "history log audit operations trail",
  "permission right grant scope access role allow",
  "settings config option configure configuration environment variable",
  "library sdk client package embedded process",
  "terminal cli command shell",
  "stream live realtime sse events follow subscribe",
  "retry repeat idempotent idempotency duplicate twice",
  "backup restore disaster snapshot",
  "parallel concurrent concurrency simultaneously simultaneous",
  "ancestry lineage ancestor provenance origin parent",
  "quality degraded degradation defect fault bad wrong ruin spoil",
  "score quality rating",
  "plugin app extension",
  "share sharing shared grant",
  "tenant tenancy customer team multitenant isolation apart",
  "monitor monitoring observe prometheus metrics statistics stats count counter",
  "upgrade update migrate migration version",
  "summarize summary compact compaction shorten window",
  "remember memory recall memorize know",
  "debug diagnose diagnosis trace investigate wrong",
  "list show find query search filter",
  "create make new begin",
  "change update edit modify patch",
  "pause suspend hold",
  "continue resume",
  "end close finish complete terminate done",
  "secret environment variable env",
  "deploy production operations hosting",
  "integrity tamper hash verify proof prove chain whole",
  "sandbox isolation security secure permission",
  "internet network web online",
  "disconnect offline connection leave hang",
  "move transfer export import bundle",
  "import bring migrate",
  "compare difference differ diff different",
  "port listen",
  "address url host endpoint route path",
  "require required mandatory need necessary must",
  "format write syntax unit",
  "script code program unmodified",
  "automatic automatically itself",
  "exist duplicate conflict taken",
  "increment count counted add",
  "conversation chat message dialogue",
  "user person customer profile",
  "rate throttle limited",
  "step operation call action",
  "workflow pipeline process",
  "server host self",
  "price cost money fee",
  "state status condition",
  "warm loaded alive keepalive cold",
  "random chance deterministic luck",
  "exit status code",
  "folder directory disk path",
  "print output stdout result",
  "store save",
];

const OTHERS: ReadonlyMap<string, readonly string[]> = groupsByStem();

function groupsByStem(): ReadonlyMap<string, readonly string[]> {
  const others = new Map<string, Set<string>>();
  for (const words of GROUPS.map((group) => group.split(" "))) {
    for (const word of words) {
      const known = others.get(stemOf(word)) ?? new Set<string>();
      others.set(stemOf(word), known);
      for (const other of words) if (stemOf(other) !== stemOf(word)) known.add(other);
    }
  }
  return new Map([...others].map(([stem, words]) => [stem, [...words]]));
}
