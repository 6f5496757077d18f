import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Fault, Message, NewMessage, Reply } from "../src/client/index.ts";
import { startModelServer } from "./model-server.ts";
import { PLACES } from "./sdk-places.ts";
import { until } from "./until.ts";

/** Passed as JavaScript would, which knows no types. */
function untyped<T>(value: unknown): T {
  return value as T;
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} remembers`, async () => {
    const model = await startModelServer();
    const place = await start({ modelBaseUrl: model.url });
    const plain = await start();
    after(async () => {
      for (const one of [place, plain, model]) await one[Symbol.asyncDispose]();
    });
    const { sojourn } = place;
    const { sessions, users } = sojourn;

    describe("chat()", () => {
      it("is a promise of the answer, and its text as it comes", async () => {
        const session = await sessions.create({ userId: "ada" });
        model.next({ text: ["Hel", "lo", " Ada"], usage: { prompt_tokens: 9, completion_tokens: 3 } });
        const reply = session.chat("I am Ada", { metadata: { from: "web" } });
        assert.deepEqual(await Array.fromAsync(reply), ["Hel", "lo", " Ada"]);
        const { executionTimeMs, requestId, ...answer } = await reply;
        assert.deepEqual(answer, {
          response: "Hello Ada",
          sessionId: session.sessionId,
          model: "openai:test",
          isLanguageModel: true,
          reason: "stop",
          usage: { inputTokens: 9, outputTokens: 3 },
          isTemporary: false,
        });
        assert.ok(executionTimeMs >= 0);
        assert.equal(requestId?.startsWith("req_"), name === "connect()" ? true : undefined);
        const { requestCount, errorCount, inputTokens, outputTokens } = session.metrics;
        assert.deepEqual([requestCount, errorCount, inputTokens, outputTokens], [1, 0, 9, 3]);
        assert.deepEqual([session.version, session.memory.conversationTurns, session.memory.messages], [2, 1, 2]);
        assert.deepEqual((await sessions.get(session.uid)).toJSON(), session.toJSON());
        const [said] = await session.messages.recent();
        assert.deepEqual(said?.metadata, { from: "web" });
      });

      it("loses nothing for whoever iterates late, twice, or leaves", async () => {
        const session = await sessions.create();
        model.next({ text: ["a", "b", "c"], gapMs: 1 });
        const reply = session.chat("Hi");
        const early = await firstOf(reply);
        const { response } = await reply;
        assert.deepEqual([early, response], ["a", "abc"]);
        assert.deepEqual(await Array.fromAsync(reply), ["a", "b", "c"]);
        assert.deepEqual(await Array.fromAsync(reply), ["a", "b", "c"]);
        assert.equal(session.memory.conversationTurns, 1, "leaving it ended nothing");
      });

      it("throws what fails to whoever awaits or iterates, now or later, and leaves no rejection to nobody", async () => {
        const unhandled: unknown[] = [];
        const hear = (error: unknown): unknown => unhandled.push(error);
        process.on("unhandledRejection", hear);
        try {
          const session = await sessions.create();
          const refused = { body: "no", status: 400 };
          const failed = { code: "model_failed" };
          const iterate = async (reply: Reply): Promise<void> => {
            for await (const _ of reply);
          };
          model.next(refused, refused, refused, refused);
          await assert.rejects(iterate(session.chat("Hi")), failed);
          await assert.rejects(async () => await session.chat("Hi"), failed);
          const both = session.chat("Hi");
          await Promise.all([assert.rejects(iterate(both), failed), assert.rejects(both, failed)]);
          const late = session.chat("Hi");
          await until("it failed", async () => (await session.refresh()).metrics.errorCount === 4);
          await turn();
          await assert.rejects(iterate(late), failed);
          await assert.rejects(late, failed);
          assert.deepEqual([session.metrics.requestCount, session.memory.messages], [4, 0]);
          await turn();
          assert.deepEqual(unhandled, []);
        } finally {
          process.off("unhandledRejection", hear);
        }
      });

      it("throws what fails in the middle of the answer, after what came", async () => {
        const session = await sessions.create();
        model.next({ cutAfter: ["Hel", "lo"] });
        const reply = session.chat("Hi");
        const seen: string[] = [];
        await assert.rejects(
          async () => {
            for await (const token of reply) seen.push(token);
          },
          { code: "model_failed" },
        );
        assert.equal(seen.join(""), "Hello");
        await assert.rejects(reply, { code: "model_failed" });
        assert.equal((await session.refresh()).memory.messages, 0);
      });

      it("is ended by its signal, and nothing of it is kept but that it failed", async () => {
        const session = await sessions.create();
        const abort = new AbortController();
        model.next({ silentAfter: ["Hel"] });
        const reply = session.chat("Hi", { signal: abort.signal });
        for await (const token of reply) {
          assert.equal(token, "Hel");
          break;
        }
        const reason = new Error("enough");
        abort.abort(reason);
        await assert.rejects(reply, reason);
        await assert.rejects(Array.fromAsync(reply), reason);
        await assert.rejects(async () => await session.chat("Hi", { signal: abort.signal }), reason);
        await until("the turn has failed", async () => (await session.refresh()).metrics.errorCount === 1);
        assert.equal(session.memory.messages, 0);
      });

      it("happens once under an idempotency key, and answers the same again", async () => {
        const session = await sessions.create();
        model.next({ text: ["on", "ce"] });
        const first = await session.chat("Hi", { idempotencyKey: "chat-1" });
        const again = session.chat("Hi", { idempotencyKey: "chat-1" });
        assert.deepEqual(await Array.fromAsync(again), ["once"]);
        assert.deepEqual({ ...(await again), requestId: "" }, { ...first, requestId: "" });
        await assert.rejects(session.chat("Ho", { idempotencyKey: "chat-1" }), { code: "idempotency_mismatch" });
        assert.equal(session.memory.conversationTurns, 1);
      });

      it("is refused for what can't be said, where it can't be said, and when something has changed", async () => {
        const session = await sessions.create();
        for (const text of ["", "  ", "x".repeat(5_001), 7, undefined]) {
          await assert.rejects(session.chat(untyped(text)), { code: "invalid" }, String(text));
        }
        await assert.rejects(session.chat("Hi", untyped({ colour: "red", ifMatch: -1 })), { code: "invalid" });
        await assert.rejects(session.chat("Hi", { ifMatch: 7 }), { code: "precondition_failed" });
        await session.chat("Hi", { ifMatch: session.version });
        await session.complete();
        await assert.rejects(session.chat("Hi"), { code: "invalid_session" });
        await session.delete();
        await assert.rejects(session.chat("Hi"), { code: "invalid_session" });
      });

      it("needs no session, and goes on in the one that was made for it", async () => {
        const { sessionId, isTemporary } = await sojourn.chat("My name is Zoe", { userId: "zoe" });
        assert.equal(isTemporary, true);
        const session = await sessions.get(sessionId);
        assert.deepEqual([session.isTemporary, session.userId, session.memory.messages], [true, "zoe", 2]);
        assert.deepEqual(await Array.fromAsync(session.chat("Hi")), ["You said: ", "Hi"]);
        assert.deepEqual(await Array.fromAsync(sessions.list({ userId: "zoe" })), []);
        const temporary = await Array.fromAsync(sessions.list({ userId: "zoe", temporary: true }));
        assert.deepEqual(
          temporary.map((one) => one.sessionId),
          [sessionId],
        );
      });

      it("is answered from memory, and says so, where no language model is", async () => {
        const { model: what, isLanguageModel } = await plain.sojourn.health();
        assert.deepEqual([what, isLanguageModel], ["built-in", false]);
        const session = await plain.sojourn.sessions.create();
        await session.chat("My name is Ada");
        const { response, isLanguageModel: isOne } = await session.chat("What is my name?");
        assert.match(response, /Ada/);
        assert.equal(isOne, false);
        assert.deepEqual(await session.workingMemory.get(), { user: { name: "Ada" } });
      });
    });

    it("tells which model answers", async () => {
      const { model: what, isLanguageModel } = await sojourn.health();
      assert.deepEqual([what, isLanguageModel], ["openai:test", true]);
    });

    describe("messages", () => {
      const history: readonly NewMessage[] = [
        { role: "system", content: "Be kind" },
        { role: "user", content: "Weather?", metadata: { toolCalls: 1 } },
        { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "weather", arguments: "{}" }] },
        { role: "tool", content: "Sunny", toolCallId: "c1" },
        { role: "assistant", content: "It is sunny" },
      ];

      it("are added, one or many, and read again as they were", async () => {
        const session = await sessions.create();
        const [one] = await session.messages.add({ role: "user", content: "Hi" });
        assert.deepEqual([one?.number, one?.seq, one?.content], [1, 2, "Hi"]);
        assert.ok(one !== undefined && Math.abs(one.timestamp.getTime() - Date.now()) < 10_000);
        const added = await session.messages.add(history);
        assert.deepEqual(added.map(given), history);
        assert.deepEqual([session.version, session.memory.messages], [3, 6]);
        assert.deepEqual(await Array.fromAsync(session.messages.list()), [one, ...added]);
      });

      it("come with what their history lacks", async () => {
        const session = await sessions.create();
        const added = await session.messages.add([{ role: "tool", content: "4", toolCallId: "c9" }]);
        assert.deepEqual(
          added.map(({ role, metadata }) => [role, metadata]),
          [
            ["assistant", { repaired: true }],
            ["tool", undefined],
          ],
        );
      });

      it("are listed over as many pages as it takes, and the newest on demand", async () => {
        const session = await sessions.create();
        await session.messages.add(
          Array.from({ length: 25 }, (_, i): NewMessage => ({ role: "user", content: `m${i + 1}` })),
        );
        const all = Array.from({ length: 25 }, (_, i) => i + 1);
        const numbers = (messages: readonly Message[]): readonly number[] => messages.map(({ number }) => number);
        for (const pageSize of [1, 7, 25, 26, undefined]) {
          assert.deepEqual(numbers(await Array.fromAsync(session.messages.list({ pageSize }))), all);
        }
        assert.deepEqual(
          numbers(await Array.fromAsync(session.messages.list({ after: 20, pageSize: 2 }))),
          all.slice(20),
        );
        assert.deepEqual(numbers(await session.messages.recent(3)), [23, 24, 25]);
        assert.deepEqual(numbers(await session.messages.recent(1_001)), all);
        assert.deepEqual(numbers(await session.messages.recent()), all);
        for (const count of [0, -1, 1.5, Number.NaN]) {
          await assert.rejects(session.messages.recent(count), { code: "invalid" }, `${count}`);
        }
      });

      it("are refused with every fault, and add up to nothing then", async () => {
        const session = await sessions.create();
        const refused: readonly (readonly [unknown, readonly string[]])[] = [
          [{ role: "user", content: "" }, ["content"]],
          [{ role: "nobody", content: "Hi" }, ["role"]],
          [
            [
              { role: "user", content: "Hi" },
              { role: "user", content: 7 },
            ],
            ["messages.1.content"],
          ],
          [[], ["messages"]],
        ];
        for (const [input, fields] of refused) {
          await assert.rejects(session.messages.add(untyped(input)), (error: { faults: { field: string }[] }) => {
            assert.deepEqual(
              error.faults.map(({ field }) => field),
              fields,
            );
            return true;
          });
        }
        await assert.rejects(session.messages.add({ role: "user", content: "Hi" }, { ifMatch: 9 }), {
          code: "precondition_failed",
        });
        assert.equal((await session.refresh()).memory.messages, 0);
      });
    });

    describe("workingMemory", () => {
      it("is set, changed in part and read, and the session shows that it was", async () => {
        const session = await sessions.create();
        assert.deepEqual(await session.workingMemory.get(), {});
        const facts = { userId: "kept as it is", session: 1, nested: { list: [1, null] } };
        assert.deepEqual(await session.workingMemory.set(facts), facts);
        assert.equal(session.version, 2);
        const changed = await session.workingMemory.update({ session: null, step: 2 }, { ifMatch: 2 });
        assert.deepEqual(changed, { userId: facts.userId, nested: facts.nested, step: 2 });
        assert.equal(session.version, 3);
        untyped<{ list: number[] }>(changed["nested"]).list.push(7);
        facts.nested.list.push(8);
        assert.deepEqual((await session.workingMemory.get())["nested"], { list: [1, null] });
        for (const refused of [untyped<never>([]), untyped<never>("x"), { big: "x".repeat(65_536) }, { a: "\0" }]) {
          await assert.rejects(session.workingMemory.set(refused), { code: "invalid" });
        }
        const message = 'Validation failed: "working_memory" must be an object';
        for (const refused of [
          untyped<never>([1]),
          untyped<never>("x"),
          untyped<never>(null),
          untyped<never>(undefined),
        ]) {
          await assert.rejects(session.workingMemory.set(refused), { code: "invalid", message });
          await assert.rejects(session.workingMemory.update(refused), { code: "invalid", message });
        }
      });
    });

    describe("compact()", () => {
      it("keeps the newest in the window, and all in the log", async () => {
        const session = await sessions.create();
        await session.messages.add(
          Array.from({ length: 12 }, (_, i): NewMessage => ({ role: "user", content: `m${i}` })),
        );
        model.next({ text: ["They said m0 to m9"] });
        const compacted = await session.compact({ strategy: "summarize", keepRecent: 2 });
        assert.deepEqual(
          { ...compacted, originalTokens: 0, compressedTokens: 0 },
          {
            originalCount: 12,
            compressedCount: 3,
            compressionRatio: 0.25,
            originalTokens: 0,
            compressedTokens: 0,
            summary: "They said m0 to m9",
          },
        );
        assert.ok(compacted.compressedTokens < compacted.originalTokens);
        assert.deepEqual([session.version, session.memory.compactedThrough], [3, 10]);
        // The summary takes its part of the window.
        assert.ok(session.memory.windowTokens < compacted.compressedTokens);
        assert.equal((await session.messages.recent()).length, 12);
        await session.compact({ strategy: "truncate", keepTokens: 0 });
        assert.equal(session.memory.compactedThrough, 12);
        for (const wanted of [{ strategy: "forget" }, {}, undefined, null]) {
          await assert.rejects(
            session.compact(untyped(wanted)),
            (error: { code: string; faults: readonly Fault[] }) => {
              assert.equal(error.code, "invalid");
              assert.deepEqual(
                error.faults.map(({ field }) => field),
                ["strategy"],
              );
              return true;
            },
          );
        }
      });

      it("changes nothing where the model fails", async () => {
        const session = await sessions.create();
        await session.messages.add({ role: "user", content: "Hi" });
        model.next({ body: "no", status: 400 });
        await assert.rejects(session.compact({ strategy: "summarize", keepRecent: 0 }), { code: "model_failed" });
        assert.equal((await session.refresh()).memory.compactedThrough, 0);
      });
    });

    describe("users", () => {
      it("have a profile, which is changed in part, and says what was learned", async () => {
        const unknown = await users.profile("ben");
        assert.deepEqual(unknown, {
          userId: "ben",
          verbosity: "medium",
          tone: "neutral",
          depth: "normal",
          preferences: {},
          origins: {},
          updatedAt: undefined,
          version: 0,
        });
        const set = await users.updateProfile("ben", { tone: "formal", preferences: { userId: 1 } });
        assert.deepEqual([set.tone, set.preferences, set.version], ["formal", { userId: 1 }, 1]);
        assert.deepEqual(set.origins, { tone: "set", "preferences.userId": "set" });
        assert.ok(set.updatedAt instanceof Date);
        const session = await sessions.create({ userId: "ben" });
        await session.chat("Please keep your answers short");
        const learned = await users.profile("ben");
        assert.deepEqual([learned.verbosity, learned.origins["verbosity"]], ["low", "learned"]);
        await assert.rejects(users.updateProfile("ben", { depth: "deep" }, { ifMatch: 9 }), {
          code: "precondition_failed",
        });
        const reset = await users.updateProfile("ben", { tone: null, preferences: { userId: null } });
        assert.deepEqual([reset.tone, Object.keys(reset.preferences).includes("userId")], ["neutral", false]);
        await assert.rejects(users.updateProfile("ben", untyped({ tone: "rude" })), { code: "invalid" });
      });

      it("are called anything that their sessions may name, and erased with all that is theirs", async () => {
        const userId = "eve/ü ?#%2e";
        const session = await sessions.create({ userId });
        await session.chat("My name is Eve");
        await sojourn.chat("Hi", { userId });
        await session.workingMemory.update({ a: 1, b: 2 });
        const report = await users.erase(userId);
        const { operations, ...rest } = report;
        assert.deepEqual(rest, {
          userId,
          sessions: 2,
          messages: 4,
          summaries: 0,
          facts: 3,
          artifacts: 0,
          artifactBytes: 0,
          profile: false,
        });
        assert.ok(operations >= 5);
        assert.equal(await sessions.find(session.uid), undefined);
        const nothing = {
          sessions: 0,
          operations: 0,
          messages: 0,
          summaries: 0,
          facts: 0,
          artifacts: 0,
          artifactBytes: 0,
          profile: false,
        };
        assert.deepEqual(await users.erase(userId), { userId, ...nothing });
        for (const bad of ["", "x".repeat(256)]) {
          await assert.rejects(users.erase(bad), { code: "invalid" });
          await assert.rejects(users.profile(bad), { code: "invalid" });
        }
      });
    });
  });
}

async function firstOf(reply: Reply): Promise<string | undefined> {
  for await (const token of reply) return token;
  return undefined;
}

/** What of a message its writer gave. */
function given({ number: _, seq: __, timestamp: ___, tokens: ____, ...message }: Message): NewMessage {
  return message;
}
