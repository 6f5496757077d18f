import { proseOf, sentencesOf } from "../english/sentences.ts";
import { shareOfEnglish, wordsOf } from "../english/words.ts";
import { factsIn } from "../facts.ts";
import { smallTalkAt } from "./small-talk.ts";

/** What answers commands, code, other languages and texts without words; `undefined` for all others. */
export function unreadable(text: string): string | undefined {
  if (COMMAND.test(text)) {
    return "That looks like a command of the terminal, not a message. Commands are typed there alone, without other words; /help lists them.";
  }
  const prose = proseOf(text);
  const words = wordsOf(prose);
  const isCode = text.includes("```") || CODE.test(prose);
  if (isCode && words.length < 400 && !sentencesOf(prose).some(({ isQuestion }) => isQuestion)) {
    return "I've kept that code in this session. I can't run or explain it, as I'm not a language model.";
  }
  if (words.length === 0) {
    if (/\p{Extended_Pictographic}/u.test(text))
      return "I can't read emoji, but I'm here. Tell me something, or ask me about what you told me.";
    return "I'm here. Tell me something, or ask me about what you told me.";
  }
  if (isForeign(words, prose)) return "I understand only English, but I've kept what you wrote in this session.";
  return undefined;
}

// A path such as `/etc/hosts` is none.
const COMMAND = /^\s*\/[a-z]{2,20}(?=\s|[.!?]?\s*$)(?!\s+(?:is|are|was|has)\b)/i;

const CODE =
  /^ ?(?:select\b.{1,200}\bfrom\b|insert into\b|update \w+ set\b|delete from\b|drop table\b|create table\b|(?:const|let|var) \w+ ?=|function \w*\(|import .{1,80} from ['"]|def \w+\(|class \w+ ?[{:(]|#include|public (?:static|class)|<\?php|<!doctype|<html|\$ \w+|npm |git |docker |sudo )/im;

function isForeign(words: readonly string[], prose: string): boolean {
  if (factCount(prose) > 0 || smallTalkAt(prose) !== undefined) return false;
  const letters = prose.match(/\p{L}/gu)?.length ?? 0;
  const latin = prose.match(/\p{Script=Latin}/gu)?.length ?? 0;
  if (letters > 1 && latin * 2 < letters) return true;
  const share = shareOfEnglish(words);
  const strange = words.filter((word) => FOREIGN.has(word.toLowerCase())).length + (/[¿¡]/.test(prose) ? 2 : 0);
  return (
    (words.length > 2 && strange * 4 >= words.length && share < 0.4) ||
    (words.length > 5 && share < 0.08 && /[\u0080-\u{10ffff}]/u.test(prose))
  );
}

function factCount(prose: string): number {
  return Object.keys(factsIn(prose)).length;
}

const FOREIGN: ReadonlySet<string> = new Set(
  `ich heiße bin und der das ist nicht ein eine wohne mein meine wie was wo du wer je suis et le les est mon ma une des
  où comment qui que yo soy es el los mi un una cuál como dónde qué nombre llamo vivo en y sono il che mio nome abito dove
  eu sou meu não uma jag är och heter ik ben het een mijn jestem i jak`.split(/\s+/),
);
