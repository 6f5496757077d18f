/** Where a message opens, ends or keeps up the conversation, and says nothing else. */
export type SmallTalk =
  | "greeting"
  | "goodbye"
  | "thanks"
  | "wellbeing"
  | "praise"
  | "insult"
  | "sorry"
  | "assent"
  | "laugh";

/** The small talk at the head of a sentence, and what follows it; `undefined` where the sentence has none. */
export function smallTalkAt(
  sentence: string,
): { readonly kind: SmallTalk; readonly said: string; readonly rest: string } | undefined {
  for (const [kind, pattern] of HEADS) {
    const found = pattern.exec(sentence);
    if (found === null || found[0] === "") continue;
    return { kind, said: found[0], rest: sentence.slice(found[0].length).replace(/^[\s,.!;:–-]+/, "") };
  }
  return undefined;
}

/** A greeting in the words that the user chose: `Good morning`, or else `Hello`. */
export function greetingFor(said: string): string {
  const time = /^good (morning|afternoon|evening)/i.exec(said)?.[1];
  return time === undefined ? "Hello" : `Good ${time.toLowerCase()}`;
}

/** What answers a question about the responder itself, or `undefined` where the question is another. */
export function aboutItself(question: string): string | undefined {
  return SELF.find(([asked]) => asked.test(question))?.[1];
}

const END = "(?=$|[\\s,.!;:]|[^\\p{L}\\p{N}'’])";

const HEADS: readonly (readonly [SmallTalk, RegExp])[] = (
  [
    [
      "wellbeing",
      `(?:and )?(?:how are (?:you|u|things)(?: doing)?(?: today| feeling| going)?|how(?:'s| is) it going|how do you do|how's everything|what's up|whats up|wassup|how have you been|are you (?:ok|okay|well|fine))$`,
    ],
    [
      "greeting",
      `(?:hi|hello|hey|hiya|howdy|yo|greetings|hallo|hola|bonjour|ciao|salut|servus|moin|namaste|salaam|konnichiwa|ni hao|你好|こんにちは|안녕하세요|привет|здравствуйте|مرحبا|good (?:morning|afternoon|evening|day)|morning)(?: (?:there|again|everyone|everybody|all|atlus|sojourn|bot|assistant|friend|buddy|mate|dear|sir|madam|folks|team|world))?${END}(?:, ?(?:atlus|sojourn|there|bot|friend)${END})?`,
    ],
    [
      "goodbye",
      `(?:good ?bye|bye(?: ?bye)?|see (?:you|ya|u)(?: (?:later|soon|tomorrow|around|then))?|farewell|good night|goodnight|cya|so long|take care|until (?:later|tomorrow|next time)|talk to you (?:later|soon)|ciao|au revoir|adios|i(?:'m| am| have) (?:to go|leaving|off)(?: now)?|have a (?:nice|good|great) (?:day|evening|night|weekend|one))(?: (?:for now|now|then|everyone|everybody|all|atlus|sojourn|friend|my friend))?$|(?:good ?bye|bye)${END}`,
    ],
    [
      "thanks",
      `(?:ok |okay |great |perfect |oh |well |many )?(?:thanks|thank you|thank u|thankyou|thx|ty|cheers|much appreciated|i appreciate (?:it|that)|merci|danke|gracias)(?: (?:a lot|so much|very much|a bunch|a million|again|for (?:(?:your|the|all|listening|everything|that|this|helping|being|it|asking|telling)\\b[^,.!?]{0,40})|atlus|sojourn|anyway|mate|man|you))*${END}`,
    ],
    [
      "insult",
      `(?:you(?:'re| are|r)? (?:so |really |just |a |an |such |such a |completely |totally |very |are )*(?:fucking |damn |bloody )?(?:stupid|dumb|useless|idiot|idiotic|moron|bad|terrible|awful|annoying|boring|unhelpful|silly|creepy|incompetent|broken|worthless|pathetic|trash|garbage|rubbish|ridiculous|lame|horrible|the worst|slow|wrong|joke|liar)|you (?:suck|stink)|this (?:sucks|is (?:stupid|useless|terrible|ridiculous|garbage|crap|bullshit|rubbish|awful))|shut (?:the \\p{L}+ )?up|fuck(?: you| off| this)?|screw you|go to hell|what the (?:hell|fuck|heck)|wtf|stupid (?:bot|machine|thing|computer)|useless|idiot|damn(?: it| you)?|i hate you|(?:that|this)(?:'s| is| was) (?:not|no|wrong|false|nonsense|useless)(?: very| really| at all| even)*(?: (?:helpful|right|true|correct|good|help|an? answer|answer|what i (?:asked|meant|wanted|said)))?|(?:that|this) (?:isn't|wasn't|doesn't help|did not help|didn't help)|you (?:didn't|did not|don't|do not|never|can't|cannot) (?:answer|understand|listen|help|get|know|even|read)|you got .{1,60} wrong|you(?:'re| are)(?: not|n't) (?:very |really )?(?:helpful|helping|listening|right|smart|useful|good)|wrong)\\b[^?]{0,80}`,
    ],
    [
      "praise",
      `(?:you(?:'re| are) (?:so |really |very |the |a |an |pretty )*(?:great|good|nice|helpful|smart|awesome|amazing|best|clever|cool|wonderful|brilliant|kind|funny|genius|sweet)(?: (?:bot|assistant|helper|friend))?|good (?:bot|job|work|answer)|well done|nice (?:work|one|job|answer)|i (?:love|like) you|(?:that's|that is|that was) (?:great|perfect|right|correct|awesome|amazing|good|nice|helpful|very helpful|wonderful|cool)|(?:very )?impressive|you(?:'re| are) right|exactly|correct)$`,
    ],
    [
      "sorry",
      `(?:(?:i'm |i am )?(?:so |very )?sorry(?: about that| for that| again)?|my (?:bad|apologies)|i apologi[sz]e|apologies)$`,
    ],
    ["laugh", `(?:lol|haha(?:ha)*|hehe(?:he)*|lmao|rofl|:-?\\)|xd)${END}`],
    [
      "assent",
      `(?:ok(?:ay)?|k|kk|sure|fine|alright|all right|yes|yeah|yep|yup|no|nope|nah|great|cool|nice|good|perfect|awesome|wow|oh|hm+|i see|got it|understood|makes sense|no problem|never mind|nevermind|nvm|whatever|right|indeed|really|interesting|of course|sounds good|that's all|nothing|please|wonderful|excellent|hooray|yay|ah|aha|so what|no worries|not really|maybe|perhaps|i don't know|idk|who cares|as you (?:wish|like))(?:,? (?:no problem|great|cool|thanks?|then|fine|good|sure|never mind|nevermind|sounds good|got it|man|mate))*$`,
    ],
  ] as const
).map(([kind, source]) => [kind, new RegExp(`^(?:${source})`, "iu")]);

const IDENTITY =
  "I'm Sojourn's built-in responder, not a language model. I answer by rules from what this session remembers; set SOJOURN_MODEL to talk to a real model.";

const ABILITIES =
  "I can remember what you tell me in this session and answer questions about it: your name, where you live, what you like, what was said before. I'm the built-in responder, not a language model; SOJOURN_MODEL sets a real one.";

const SELF: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:(?:and )?(?:who|what)(?: exactly| the hell)? (?:are|r) (?:you|u)(?: exactly| really| then| called)?|(?:who|what) is (?:this|atlus|sojourn)|tell me (?:about|something about) yourself|(?:please )?introduce yourself|are you (?:an? |the |really |even |like )*(?:chat ?gpt|gpt(?:-?\d\S*)?|claude|gemini|llama|ai|a\.i|robot|bot|chat ?bot|human|person|real|alive|language model|llm|model|machine|computer|program|atlus|sojourn|siri|alexa|copilot|deepseek|mistral)\b.*|(?:what|which) (?:language )?model (?:are you|do you use|is this|runs here)|who (?:made|built|created|wrote|programmed|trained) you|am i talking to .+|(?:can|could|may) i (?:speak|talk|chat) (?:to|with) (?:an? |some)?(?:human|person|real|agent|operator|someone|somebody|one)\b.*|how do you work|what's your model)$/i,
    IDENTITY,
  ],
  [
    /^(?:what(?:'s| is| are)? your names?|do you have a name|how (?:are you called|should i call you)|what (?:can|should|may|do) i call you)$/i,
    "I'm Sojourn's built-in responder; I have no other name.",
  ],
  [
    /^(?:(?:and )?what (?:can|could) (?:you|u)(?: actually| even)? do(?: for me| here| then)?|what (?:are you (?:able to do|capable of|for|good at)|do you do)|(?:can|could|will|would) you (?:please )?help(?: me)?(?: out| here| please| with (?:something|this|that))?|how (?:can|could) you help(?: me)?|help(?: me)?(?: please)?|i need (?:your |some )?help|do you (?:really |always )?(?:remember|have (?:a )?memory)(?: (?:things|stuff|anything|everything|me|conversations?|what i (?:say|tell you)|us))?|can you remember(?: (?:things|stuff|anything|me|what i (?:say|tell you)))?|what do you (?:know|remember))$/i,
    ABILITIES,
  ],
  [
    /^(?:how old are you|when were you born|where (?:are you(?: from)?|do you live)|do you (?:have|like|love|hate|enjoy|feel|want|dream|sleep|eat|drink|believe|think)\b.*|are you (?:happy|sad|tired|hungry|busy|angry|there|married|male|female|a (?:man|woman|boy|girl))\b.*|what(?:'s| is| are) your (?:favou?rite|age|hobb|opinion|gender|job|birthday)\b.*|what do you (?:like|think|want|feel|eat|love)\b.*|(?:tell|sing) me (?:a|another) (?:joke|story|song|poem))$/i,
    "I'm a program without a life of my own: Sojourn's built-in responder, not a language model. I answer from what you tell me here.",
  ],
];
