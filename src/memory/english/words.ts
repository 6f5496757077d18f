import { stemmer } from "stemmer";

/**
 * The root that the forms of a word share: `lives` and `living`, `went` and `go`, `colour` and `color`.
 *
 * Words that mean the same where a person asks about what they told (`mum` and `mother`) share one as well.
 */
export function rootOf(word: string): string {
  const found = rooted.get(word);
  if (found !== undefined) return found;
  const root = freshRootOf(word);
  remember(rooted, word, root);
  return root;
}

function freshRootOf(word: string): string {
  const plain = word
    .toLowerCase()
    .replaceAll("’", "'")
    .replace(/'(?:s|m|re|ve|ll|d|t)?$/, "");
  const known = ROOTS.get(plain);
  if (known !== undefined) return known;
  // Longer ones are no words, and would only cost time.
  const stem = plain.length > WORD_LENGTH_MAX ? plain : stemmer(plain.replaceAll("our", "or"));
  return ROOTS.get(stem) ?? stem;
}

/** The words of a text, in order. A word keeps its apostrophes and hyphens. */
export function wordsOf(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}

/** The roots of the words that carry the sense of a text. */
export function contentOf(text: string): readonly string[] {
  const roots = new Set<string>();
  for (const word of wordsOf(text)) {
    const root = contentRootOf(word);
    if (root !== "") roots.add(root);
  }
  return [...roots];
}

function contentRootOf(word: string): string {
  const found = content.get(word);
  if (found !== undefined) return found;
  const root = isContent(word) ? rootOf(word) : "";
  remember(content, word, root);
  return root;
}

/** Whether a word carries sense of its own, unlike `the`, `of` or `doesn't`. */
export function isContent(word: string): boolean {
  const plain = word.toLowerCase().replaceAll("’", "'");
  return !FUNCTION_WORDS.has(plain) && !FUNCTION_WORDS.has(plain.replace(/'.*$/, ""));
}

/** Whether a word is `be`, `have`, `do` or a modal, also negated or joined to a pronoun (`I'm`). */
export function isAuxiliary(word: string): boolean {
  const plain = word.toLowerCase().replaceAll("’", "'");
  return AUXILIARIES.has(plain) || JOINED.test(plain);
}

/** Whether a word can be a verb, as far as a list of the common ones tells. */
export function isVerb(word: string): boolean {
  return isAuxiliary(word) || isVerbRoot(rootOf(word));
}

/** Whether a root, as `rootOf` gives it, is that of a common verb. */
export function isVerbRoot(root: string): boolean {
  return VERBS.has(root);
}

/** Whether a word names a person or a pet, such as `sister`, `boss` or `dog`. */
export function isLiving(word: string): boolean {
  const plain = word.toLowerCase();
  return LIVING.has(plain) || LIVING.has(plain.replace(/(?:['’]s|s|s['’])$/, ""));
}

/** The share of words that English is built of. Low where a text is in another language, or none. */
export function shareOfEnglish(words: readonly string[]): number {
  return words.length === 0 ? 0 : words.filter((word) => !isContent(word) || isVerb(word)).length / words.length;
}

const WORD_LENGTH_MAX = 30;

// Finding roots is most of the time that looking through 1,000 messages takes, and their words are few.
const ROOTED_MAX = 10_000;

const rooted = new Map<string, string>();

const content = new Map<string, string>();

function remember(cache: Map<string, string>, word: string, root: string): void {
  if (word.length > WORD_LENGTH_MAX) return;
  if (cache.size >= ROOTED_MAX) cache.clear();
  cache.set(word, root);
}

const WORD = /[\p{L}\p{N}\p{M}_][\p{L}\p{N}\p{M}_'’.@:/#+-]*(?<![.:'’/-])/gu;

const JOINED = /^(?:i'm|im|you're|we're|they're|he's|she's|it's|that's|there's|i've|we've|you've|they've|i'll|we'll)$/;

const list = (words: string): readonly string[] => words.split(/\s+/).filter((word) => word !== "");

const AUXILIARIES: ReadonlySet<string> = new Set(
  list(
    `am is are was were be been being has have had having do does did will would can could shall should may might must
    isn't aren't wasn't weren't hasn't haven't hadn't don't doesn't didn't won't wouldn't can't cannot couldn't shouldn't
    isnt arent wasnt dont doesnt didnt wont cant`,
  ),
);

const FUNCTION_WORDS: ReadonlySet<string> = new Set([
  ...AUXILIARIES,
  ...list(
    `a an the this that these those i me my mine myself you your yours yourself he him his himself she her hers herself
    it its itself we us our ours they them their theirs who whom whose which what where when why how whats wheres whos
    and or but nor so if then than as of in on at to from by with about into onto for up down out off over under again
    not no yes there here all any some each both just only also too very really please ok okay well now ever still
    im ive id ill oh hi hey hello tell told said say remember know mention ask remind let's lets do does much many
    before earlier ever previously ago else one ones thing things something anything got get exactly called name's kind sort type`,
  ),
]);

// Each line: the root that all of it shares, then the forms that no rule of spelling finds.
const SAME = `
go went gone goes|see saw seen|eat ate eaten|buy bought|bring brought|think thought|come came|take took taken
give gave given|get got gotten|make made|meet met|find found|leave left|lose lost|pay paid|sell sold|send sent|speak spoke spoken
spend spent|stand stood|teach taught|understand understood|win won|write wrote written|wear wore worn|wake woke woken
swim swam swum|sing sang sung|sit sat|sleep slept|shoot shot|run ran|ride rode ridden|read|ring rang rung|rise rose
keep kept|hold held|hide hid hidden|hear heard|hang hung|grow grew grown|forget forgot forgotten|fly flew flown flying
flight|fight fought|feel felt|fall fell fallen|drive drove driven|drink drank drunk|draw drew drawn|do|dig dug
catch caught|break broke broken|build built building|begin began begun|become became|bite bit bitten|blow blew blown
choose chose chosen|steal stole stolen|throw threw thrown|know knew known|lie lay lain|die died dies dying dead
mother mum mom mummy mommy mama|father dad daddy papa|child children kid kids childrens|grandmother grandma granny
grandfather grandpa granddad|job occupation profession|age old|birthday birthdate|like likes liked|love loves loved
favor favorite favourite|phone telephone mobile cell|cost price costs priced|person people|man men|woman women
foot feet|mouse mice|tooth teeth|wife wives|live lives lived living|arrive arrival arrives arrived|allergic allergy allergies
married marry|use used uses using|need needs needed|study studies studied studying|marri wedding|start begins starts started
`;

const ROOTS: ReadonlyMap<string, string> = new Map(
  SAME.split(/[|\n]/)
    .map(list)
    .flatMap(([root = "", ...forms]) => [root, ...forms].map((form): [string, string] => [form, stemmer(root)])),
);

const VERBS: ReadonlySet<string> = new Set(
  list(
    `go see eat buy bring think come take give make meet find leave lose pay sell send speak spend stand teach understand
    win write wear wake swim sing sit sleep shoot run ride read ring rise keep hold hide hear hang grow forget fly fight
    feel fall drive drink draw dig catch break build begin become bite blow choose steal throw know lie die like love
    live arrive use need study start stop want hate enjoy prefer dislike work play help call move visit travel stay cook
    bake clean wash walk talk listen learn try show ask answer look watch wait open close finish end happen seem believe
    hope wish plan expect decide agree turn follow change add contain weigh measure cost cut put set hit hurt let shut
    quit spread bark snow rain belong own owe save order cancel book reserve rent return refund ship deliver receive
    install crash fail update upgrade download support fix repair replace charge connect marry retire graduate celebrate
    bought sign join attend miss paint plant water feed train exercise jog hike climb ski smoke appear remain lead manage
    design test deploy release host store run speak teach say tell remember get chase scratch sneeze snore sound smell
    taste explain translate mean matter suffer depend include require allow accept reject deny invite organise organize
    drop park break lend borrow cry laugh smile kiss hug blame admire fear worry bother annoy surprise interest collect grow mean own jog knit sew blog surf skate pray fast vote`,
  ).map(rootOf),
);

const LIVING: ReadonlySet<string> = new Set(
  list(
    `mother mum mom father dad parent sister brother sibling son daughter child kid children baby wife husband spouse
    partner girlfriend boyfriend fiance fiancé fiancée friend bestie boss manager colleague coworker co-worker neighbour
    neighbor roommate flatmate teacher professor tutor doctor dentist therapist lawyer landlord landlady coach assistant
    uncle aunt auntie cousin nephew niece grandmother grandfather grandma grandpa granny granddad grandson granddaughter
    twin stepson stepdaughter stepmother stepfather mother-in-law father-in-law brother-in-law sister-in-law dog cat pet
    puppy kitten hamster rabbit horse pony parrot bird fish goldfish turtle tortoise snake guinea-pig cow goat chicken
    student client customer employee mentor nanny nurse team family crush ex`,
  ),
);
