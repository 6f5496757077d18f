import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  type AgentMessage,
  type Conversation,
  conversationOf,
  type NewAgentMessage,
  type NewConversation,
  openConversation,
  type Participant,
} from "../src/agents/index.ts";
import { type Session, SojournError } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";

const ADA: Participant = { id: "ada", type: "user" };
const CHIEF: Participant = { id: "chief", type: "master_controller" };
const RESEARCHER: Participant = { id: "agent-1", type: "agent", role: "researcher" };
const WRITER: Participant = { id: "agent-2", type: "agent", role: "writer" };

/** Passed as JavaScript would, which knows no types. */
function untyped<T>(value: unknown): T {
  return value as T;
}

/** Who said what for what, and whether metadata came with it. */
function told({ from, to, type, content, metadata }: AgentMessage): readonly unknown[] {
  return [from.id, to.id, type, content, metadata];
}

async function contentsOf(conversation: Conversation, query: object = {}): Promise<readonly string[]> {
  return (await conversation.history(query)).map(({ content }) => content);
}

/** The fields at fault. */
async function faultsOf(call: Promise<unknown>): Promise<readonly string[]> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SojournError && error.code === "invalid") return error.faults.map(({ field }) => field);
    throw error;
  }
  return [];
}

for (const [name, start] of PLACES) {
  describe(`conversations of agents by ${name}`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const begin = (userId = "ada"): Promise<Session> => sojourn.sessions.create({ userId });
    const open = (session: Session, more: Partial<NewConversation> = {}): Promise<Conversation> =>
      openConversation(sojourn, { session, type: "agent_to_agent", participants: [RESEARCHER, WRITER], ...more });

    describe("openConversation()", () => {
      const keys: readonly (readonly [Pick<NewConversation, "type" | "participants">, string])[] = [
        [{ type: "mc_to_agent", participants: [CHIEF, WRITER] }, "_mc_to_writer"],
        [{ type: "mc_to_agent", participants: [RESEARCHER, CHIEF] }, "_mc_to_researcher"],
        [{ type: "agent_to_agent", participants: [RESEARCHER, WRITER] }, "_researcher_to_writer"],
        [{ type: "agent_to_agent", participants: [WRITER, RESEARCHER] }, "_writer_to_researcher"],
        [{ type: "user_to_agent", participants: [ADA, WRITER] }, "_user_to_writer"],
      ];
      for (const [wanted, ending] of keys) {
        const parties = wanted.participants.map(({ id }) => id).join(" and ");
        it(`makes a child that ends in ${ending} for ${wanted.type} of ${parties}`, async () => {
          const session = await begin();
          const { sessionId, session: held } = await openConversation(sojourn, { session, ...wanted });
          assert.equal(sessionId, `${session.sessionId}${ending}`);
          assert.deepEqual([held.parentSessionId, held.userId], [session.sessionId, "ada"]);
          const { children } = await session.tree();
          assert.deepEqual(
            children.map((child) => child.sessionId),
            [sessionId],
          );
        });
      }

      it("takes the session itself for user_to_mc, and leaves the rest of its metadata", async () => {
        const session = await sojourn.sessions.create({ metadata: { source: "web" } });
        const type = "user_to_mc";
        const opened = await openConversation(sojourn, {
          session,
          type,
          participants: [CHIEF, ADA],
          metadata: { a: 1 },
        });
        assert.equal(opened.session.uid, session.uid);
        assert.deepEqual(opened.participants, [ADA, CHIEF]);
        assert.deepEqual((await session.refresh()).metadata, {
          source: "web",
          a: 1,
          conversation: { type, participants: [ADA, CHIEF], session_uid: session.uid },
        });
        assert.deepEqual((await session.tree()).children, []);
      });

      it("goes on where the same parties talk already, also where many open it at once", async () => {
        const session = await begin();
        const opened = await Promise.all(
          Array.from({ length: 8 }, () => open(session, { metadata: { topic: "bees" } })),
        );
        assert.equal(new Set(opened.map((one) => one.session.uid)).size, 1);
        const again = await openConversation(sojourn, {
          session: session.sessionId,
          type: "agent_to_agent",
          participants: [RESEARCHER, WRITER],
        });
        assert.equal(again.session.uid, opened[0]?.session.uid);
        assert.equal(again.session.metadata.topic, "bees");
        const type = "user_to_mc";
        const marked = await Promise.all(
          Array.from({ length: 8 }, () => openConversation(sojourn, { session, type, participants: [ADA, CHIEF] })),
        );
        assert.equal((await session.refresh()).version, 2, "marked once");
        assert.deepEqual(marked[0]?.session.metadata.conversation, {
          type,
          participants: [ADA, CHIEF],
          session_uid: session.uid,
        });
      });

      it("refuses others under the same roles, and what is no conversation, and changes nothing", async () => {
        const session = await begin();
        const { session: held } = await open(session);
        const other = { ...WRITER, id: "agent-3" };
        const taken = { code: "session_exists" };
        await assert.rejects(open(session, { participants: [RESEARCHER, other] }), taken);
        const plain = await sojourn.sessions.create({ sessionId: `${session.sessionId}_mc_to_writer` });
        await assert.rejects(open(session, { type: "mc_to_agent", participants: [CHIEF, WRITER] }), taken);
        await openConversation(sojourn, { session, type: "user_to_mc", participants: [ADA, CHIEF] });
        const second = { ...CHIEF, id: "second" };
        await assert.rejects(open(session, { type: "user_to_mc", participants: [ADA, second] }), taken);
        for (const one of [held, plain]) assert.deepEqual((await sojourn.sessions.get(one.uid)).version, one.version);
      });

      it("begins anew where its session has", async () => {
        const sessionId = `again-${name.slice(0, 4)}`;
        const first = await sojourn.sessions.create({ sessionId });
        const old = await open(first);
        await old.send({ from: "agent-1", to: "agent-2", content: "Old" });
        await first.complete();
        const fresh = await open(await sojourn.sessions.create({ sessionId }));
        assert.equal(fresh.sessionId, old.sessionId);
        assert.deepEqual(await contentsOf(fresh), []);
        assert.equal((await old.session.refresh()).status, "completed");
        assert.deepEqual(await contentsOf(old), ["Old"]);
      });

      it("wants a session that is there", async () => {
        const { type, participants } = { type: "mc_to_agent", participants: [CHIEF, WRITER] } as const;
        const missing = openConversation(sojourn, { session: "nobody", type, participants });
        await assert.rejects(missing, { code: "session_not_found" });
        assert.equal(await sojourn.sessions.find("nobody_mc_to_writer"), undefined);
      });

      const bad: readonly (readonly [what: string, wanted: object, fields: readonly string[]])[] = [
        ["an unknown type", { type: "agent_to_god" }, ["type"]],
        ["nobody", { participants: [] }, ["participants"]],
        ["one party", { participants: [WRITER] }, ["participants"]],
        ["three parties", { participants: [WRITER, RESEARCHER, CHIEF] }, ["participants"]],
        ["what is no party", { participants: ["ada", WRITER] }, ["participants.0"]],
        ["an empty id", { participants: [{ ...RESEARCHER, id: "" }, WRITER] }, ["participants.0.id"]],
        ["no id", { participants: [{ type: "agent", role: "a" }, WRITER] }, ["participants.0.id"]],
        ["an empty type", { participants: [{ ...RESEARCHER, type: "" }, WRITER] }, ["participants.0.type"]],
        ["an unknown type of a party", { participants: [{ id: "a", type: "robot" }, WRITER] }, ["participants.0.type"]],
        [
          "an agent without a role",
          { participants: [RESEARCHER, { id: "b", type: "agent" }] },
          ["participants.1.role"],
        ],
        ["a role that is no name", { participants: [RESEARCHER, { ...WRITER, role: "a b" }] }, ["participants.1.role"]],
        ["an empty role", { participants: [RESEARCHER, { ...WRITER, role: "" }] }, ["participants.1.role"]],
        [
          "a member that it does not know",
          { participants: [{ ...RESEARCHER, name: "R" }, WRITER] },
          ["participants.0"],
        ],
        [
          "metadata that is none",
          { participants: [{ ...RESEARCHER, metadata: [] }, WRITER] },
          ["participants.0.metadata"],
        ],
        ["the same party twice", { participants: [RESEARCHER, { ...WRITER, id: "agent-1" }] }, ["participants.1.id"]],
        ["a user for an agent", { participants: [ADA, WRITER] }, ["participants"]],
        ["two users", { type: "user_to_mc", participants: [ADA, { ...ADA, id: "bob" }] }, ["participants"]],
        ["an agent for the controller", { type: "mc_to_agent", participants: [RESEARCHER, WRITER] }, ["participants"]],
        ["the controller for the user", { type: "user_to_agent", participants: [CHIEF, WRITER] }, ["participants"]],
        ["metadata that it keeps itself", { metadata: { conversation: {} } }, ["metadata.conversation"]],
        [
          "a name that gets too long",
          { participants: [RESEARCHER, { ...WRITER, role: "w".repeat(120) }] },
          ["session_id", "session_id"],
        ],
      ];
      it("makes nothing of what is wrong, and says what is", async () => {
        const session = await begin();
        for (const [what, wanted, fields] of bad) {
          assert.deepEqual(await faultsOf(open(session, untyped(wanted))), fields, what);
        }
        assert.deepEqual((await session.tree()).children, []);
        assert.equal((await session.refresh()).version, 1);
      });

      it("says every fault of the parties", async () => {
        const wanted = {
          participants: [
            { id: "", type: "robot" },
            { ...WRITER, id: "" },
          ],
        };
        assert.deepEqual(await faultsOf(open(await begin(), untyped(wanted))), [
          "participants.0.id",
          "participants.0.type",
          "participants.1.id",
        ]);
      });
    });

    describe("conversationOf()", () => {
      it("is what the session holds, for whoever finds it", async () => {
        const session = await begin();
        const made = await open(session, { participants: [{ ...RESEARCHER, metadata: { model: "m" } }, WRITER] });
        await made.send({ from: "agent-1", to: "agent-2", content: "Hello" });
        const found = conversationOf(await sojourn.sessions.get(made.sessionId));
        assert.deepEqual([found.type, found.participants], [made.type, made.participants]);
        assert.deepEqual(await contentsOf(found), ["Hello"]);
        const fork = conversationOf(await found.session.fork());
        assert.deepEqual(await contentsOf(fork), ["Hello"]);
      });

      it("refuses a session that holds none", async () => {
        const strange = await sojourn.sessions.create({ metadata: { conversation: { type: "agent_to_agent" } } });
        for (const session of [await begin(), strange]) {
          assert.throws(() => conversationOf(session), { code: "invalid" });
        }
      });
    });

    describe("send()", () => {
      it("keeps who says what to whom, and what for", async () => {
        const conversation = await open(await begin());
        const asked = await conversation.send({
          from: "agent-1",
          to: "agent-2",
          content: "Write it up",
          type: "task_assignment",
          metadata: { priority: 1 },
        });
        const answered = await conversation.send({ from: "agent-2", to: "agent-1", content: "Done" });
        assert.deepEqual(
          [asked, answered].map((one) => one.number),
          [1, 2],
        );
        assert.deepEqual(asked.from, RESEARCHER);
        assert.deepEqual(asked.to, WRITER);
        assert.deepEqual((await conversation.history()).map(told), [
          ["agent-1", "agent-2", "task_assignment", "Write it up", { priority: 1 }],
          ["agent-2", "agent-1", "communication", "Done", {}],
        ]);
        assert.deepEqual(
          (await conversation.session.messages.recent()).map(({ role, metadata }) => [role, metadata]),
          [
            ["user", { priority: 1, sender_id: "agent-1", recipient_id: "agent-2", message_type: "task_assignment" }],
            ["assistant", { sender_id: "agent-2", recipient_id: "agent-1", message_type: "communication" }],
          ],
        );
      });

      it("happens once under one idempotency key", async () => {
        const conversation = await open(await begin());
        const words = { from: "agent-1", to: "agent-2", content: "Once" };
        const key = { idempotencyKey: `once-${conversation.sessionId}` };
        const [one, other] = [await conversation.send(words, key), await conversation.send(words, key)];
        assert.deepEqual(other, one);
        assert.deepEqual(await contentsOf(conversation), ["Once"]);
      });

      it("refuses strangers, words to oneself and other types, and keeps nothing of them", async () => {
        const conversation = await open(await begin());
        const words = { from: "agent-1", to: "agent-2", content: "Hello" };
        const bad: readonly (readonly [object, string])[] = [
          [{ from: "agent-9" }, "from"],
          [{ to: "agent-9" }, "to"],
          [{ from: "researcher" }, "from"],
          [{ to: "agent-1" }, "to"],
          [{ type: "gossip" }, "type"],
          [{ content: "" }, "content"],
          [{ metadata: { sender_id: "agent-2" } }, "metadata.sender_id"],
          [{ metadata: { message_type: "feedback" } }, "metadata.message_type"],
        ];
        for (const [change, field] of bad) {
          const message = untyped<NewAgentMessage>({ ...words, ...change });
          assert.deepEqual(await faultsOf(conversation.send(message)), [field]);
        }
        assert.deepEqual(await contentsOf(conversation), []);
      });

      it("is over with its session", async () => {
        const conversation = await open(await begin());
        await conversation.session.complete();
        const late = conversation.send({ from: "agent-1", to: "agent-2", content: "Late" });
        await assert.rejects(late, { code: "invalid_transition" });
      });
    });

    describe("history()", async () => {
      const conversation = await open(await begin());
      const { session } = conversation;
      // A few, 450 of another type, and a few.
      const types = [3, 450, 3].flatMap((count, i) =>
        Array.from({ length: count }, () => ["feedback", "progress_update", "error_report"][i]),
      );
      const kept = { sender_id: "agent-1", recipient_id: "agent-2" };
      const all = types.map((type, i) => ({
        role: "user" as const,
        content: `${i}`,
        metadata: { ...kept, message_type: type },
      }));
      await session.messages.add(all);

      it("is the newest, the oldest of them first; 50 where nothing is said", async () => {
        const numbers = (from: number, to: number): readonly string[] =>
          Array.from({ length: to - from }, (_, i) => `${from + i}`);
        assert.deepEqual(await contentsOf(conversation), numbers(406, 456));
        assert.deepEqual(await contentsOf(conversation, { limit: 3 }), ["453", "454", "455"]);
        assert.deepEqual(await contentsOf(conversation, { limit: 1_000 }), numbers(0, 456));
      });

      it("looks for types before it limits", async () => {
        assert.deepEqual(await contentsOf(conversation, { types: ["feedback"], limit: 2 }), ["1", "2"]);
        assert.deepEqual(await contentsOf(conversation, { types: ["feedback", "error_report"] }), [
          ...["0", "1", "2"],
          ...["453", "454", "455"],
        ]);
        assert.deepEqual(await contentsOf(conversation, { types: ["progress_update"], limit: 1 }), ["452"]);
        assert.deepEqual(await contentsOf(conversation, { types: ["task_completion"] }), []);
        assert.deepEqual(await contentsOf(conversation, { types: [] }), []);
      });

      it("refuses a limit and types that are none", async () => {
        for (const limit of [0, -1, 1.5, Number.NaN]) {
          assert.deepEqual(await faultsOf(conversation.history({ limit })), ["limit"]);
        }
        const types = untyped<[]>(["feedback", "gossip"]);
        assert.deepEqual(await faultsOf(conversation.history({ types })), ["types.1"]);
      });

      it("has what was said by other ways, by its role, and no tools", async () => {
        const held = await open(await begin(), { type: "mc_to_agent", participants: [CHIEF, WRITER] });
        await held.send({ from: "chief", to: "agent-2", content: "Write", type: "task_assignment" });
        await held.session.messages.add([
          { role: "system", content: "You write." },
          { role: "user", content: "About bees" },
          { role: "assistant", content: "", toolCalls: [{ id: "1", name: "search", arguments: "{}" }] },
          { role: "tool", content: "Bees see ultraviolet", toolCallId: "1" },
          { role: "assistant", content: "Bees see more", metadata: { model: "m" } },
        ]);
        assert.deepEqual((await held.history()).map(told), [
          ["chief", "agent-2", "task_assignment", "Write", {}],
          ["chief", "agent-2", "communication", "About bees", {}],
          ["agent-2", "chief", "communication", "Bees see more", { model: "m" }],
        ]);
        assert.deepEqual(await contentsOf(held, { limit: 2 }), ["About bees", "Bees see more"]);
      });
    });
  });
}
