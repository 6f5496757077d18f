import { learned } from "../style.ts";

/** What answers a wish for a style of answers, such as `keep it short`; `undefined` where it is none. */
export function styleAnswer(core: string): string | undefined {
  if (/^(?:i|my|we)\b/i.test(core)) return undefined;
  const patch = learned(core);
  if (patch === undefined) return undefined;
  const preferences = patch.preferences ?? {};
  if (patch.verbosity === "low") return "All right, I'll keep my answers short.";
  if (patch.verbosity === "high") return "All right, I'll answer in more detail.";
  if (patch.tone !== undefined) return `All right, I'll remember that you like a ${patch.tone} tone.`;
  if (patch.depth === "shallow") return "All right, I'll keep it simple.";
  if (patch.depth === "deep") return "All right, I'll go deeper.";
  if (preferences["api_preference"] === "free_only")
    return "All right, I'll remember that you want free services only.";
  if (preferences["api_preference"] === "paid_ok") return "All right, I'll remember that paid services are fine.";
  const language = preferences["preferred_language"];
  return typeof language === "string" && !/^(?:can|could|would|write|show|give)\b/i.test(core)
    ? `All right, I'll remember that you prefer ${language}.`
    : undefined;
}
