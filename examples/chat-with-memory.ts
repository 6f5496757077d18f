/** A conversation that remembers: say, be answered, keep facts, shorten, forget. */
import { connect } from "sojourn/client";

await using sojourn = connect({ url: process.env.SOJOURN_URL });

const userId = "user-ada";
const session = await sojourn.sessions.create({ userId, name: "Planning a trip" });

// Await the whole answer, or iterate over its text as it comes.
await session.chat("Hi, my name is Ada and I live in Lyon.");
let answer = "";
for await (const token of session.chat("What is my name?")) answer += token;
console.log(`knows the name: ${answer.includes("Ada")}`);

// What the user told of themselves is in working memory, beside the facts of the task.
await session.workingMemory.update({ destination: "Rome", travellers: 2 });
console.log(`remembers: ${JSON.stringify(await session.workingMemory.get())}`);

// A history from elsewhere becomes part of the conversation.
await session.messages.add([
  { role: "user", content: "Which hotels did we look at?" },
  { role: "assistant", content: "The Aurora and the Bella." },
]);

// A model is shown the newest alone; the conversation itself stays whole.
await session.compact({ strategy: "summarize", keepRecent: 2 });
const { conversationTurns, compactedThrough } = session.memory;
console.log(`turns: ${conversationTurns}, compacted: ${compactedThrough} of ${session.memory.messages} messages`);
for (const { number, role } of await session.messages.recent(2)) console.log(`${number} ${role}`);

// How a user likes to be answered holds in every session; some of it is learned.
await session.chat("Please keep your answers short.");
const { verbosity, origins } = await sojourn.users.profile(userId);
console.log(`verbosity: ${verbosity}, ${origins.verbosity}`);

// A question without a session gets a short-lived one.
const { sessionId, isTemporary } = await sojourn.chat("Just one question", { userId });
console.log(`temporary: ${isTemporary}, ${sessionId !== session.sessionId ? "of its own" : "the same"}`);

// Everything of a user, gone.
const { sessions, messages, profile } = await sojourn.users.erase(userId);
console.log(`erased: ${sessions} sessions, ${messages} messages, profile: ${profile}`);
