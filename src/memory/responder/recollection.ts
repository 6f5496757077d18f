import type { JsonObject } from "../../engine/json.ts";
import type { Message } from "../../engine/message.ts";
import type { Context } from "../model.ts";
import { factSentences } from "./known-facts.ts";
import { type Statement, statementsIn, statementsOf } from "./statements.ts";
import { messagesOf } from "./summary.ts";

/** What a context holds to answer its last message from. */
export interface Recollection {
  /** The message to answer. */
  readonly text: string;
  /** What the user told of themselves. */
  readonly facts: JsonObject;
  /** What was said before, what the summary keeps first. */
  readonly earlier: readonly Message[];
  /** All that was told, the message to answer included; found when first asked for. */
  statements(): readonly Statement[];
}

/** Takes a context apart. */
export function recollectionOf(context: Context): Recollection {
  const at = context.messages.findLastIndex(({ role }) => role === "user");
  const text = context.messages[at]?.content ?? "";
  const facts = factsOf(context);
  const earlier = [...messagesOf(context.summary), ...context.messages.slice(0, Math.max(at, 0))];
  let found: readonly Statement[] | undefined;
  const statements = (): readonly Statement[] => {
    found ??= [
      ...factSentences(facts).flatMap((sentence) =>
        statementsIn(sentence).map((statement) => ({ ...statement, isTurned: true })),
      ),
      ...othersOf(context),
      ...statementsOf([...earlier, { role: "user", content: text }]),
    ];
    return found;
  };
  return { text, facts, earlier, statements };
}

const OTHER_LENGTH_MAX = 300;

function factsOf(context: Context): JsonObject {
  const user = context.workingMemory["user"];
  // NOTE: JSON that is neither an array nor null is an object.
  return typeof user === "object" && user !== null && !Array.isArray(user) ? (user as JsonObject) : {};
}

/** What else the working memory and the profile hold, as statements that can be found. */
function othersOf(context: Context): readonly Statement[] {
  const others = Object.entries(context.workingMemory).filter(([key]) => key !== "user");
  const preferences = Object.entries(context.profile.preferences);
  return [...others, ...preferences].flatMap(([key, value]) =>
    typeof value === "string" || typeof value === "number"
      ? statementsIn(`the ${key.replaceAll("_", " ")} is ${value}`.slice(0, OTHER_LENGTH_MAX))
      : [],
  );
}
