/** What a question asks beneath its politeness: `do you remember where I live` is `where I live`. */
export function directed(sentence: string): { readonly core: string; readonly isDirected: boolean } {
  let core = sentence.replace(FILLER, "");
  let isDirected = false;
  for (let i = 0; i < POLITE_MAX; i++) {
    const next = core.replace(POLITE, "");
    if (next === core || next === "") break;
    core = next;
    isDirected = true;
  }
  return isDirected && EMBEDDED.test(core)
    ? { core, isDirected }
    : { core: sentence.replace(FILLER, ""), isDirected: false };
}

const POLITE_MAX = 3;

const FILLER = /^(?:(?:and|so|now|then|ok|okay|quickly|again|but)[, ]+)+(?=\S)/i;

const POLITE =
  /^(?:please |(?:can|could|would|will) you (?:please |kindly |still |just )*(?=tell|remind|say|recall|remember)|do you (?:still |even |happen to |perhaps |actually )*(?:know|remember|recall) (?:anything )?|(?:tell|remind) me (?:again )?|i(?:'ve| have)? (?:forgot|forgotten|don't remember|can't remember|do not remember|want to know|would like to know|wonder|was wondering|need to know) |(?:remember|recall) (?=where|what|when|who|how|which)|say |any idea )/i;

const EMBEDDED =
  /^(?:what|who|whose|which|where|when|why|how|if|whether|my|our|the|about|did|do|is|are|everything|something|anything|all)\b/i;
