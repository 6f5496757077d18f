import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EMPTY_CONVERSATION, repaired, withFacts, withMessages } from "./conversation.ts";
import type { Message } from "./message.ts";

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });
const calling = (...ids: readonly string[]): Message => ({
  role: "assistant",
  content: "",
  toolCalls: ids.map((id) => ({ id, name: "look", arguments: "{}" })),
});
const result = (toolCallId: string, content = "found"): Message => ({ role: "tool", toolCallId, content });

const made = { repaired: true };
const closing = (id: string): Message => ({ ...result(id, "(no result was recorded)"), metadata: made });
const opening = (id: string): Message => ({
  role: "assistant",
  content: "",
  toolCalls: [{ id, name: "unknown", arguments: "{}" }],
  metadata: made,
});

describe("repaired()", () => {
  const cases: readonly (readonly [
    what: string,
    open: readonly string[],
    given: readonly Message[],
    whole: readonly Message[],
  ])[] = [
    [
      "leaves what is whole",
      [],
      [user("a"), calling("1"), result("1"), assistant("b")],
      [user("a"), calling("1"), result("1"), assistant("b")],
    ],
    [
      "closes a call that something else follows",
      [],
      [calling("1"), user("a")],
      [calling("1"), closing("1"), user("a")],
    ],
    ["closes the calls of before", ["1", "2"], [user("a")], [closing("1"), closing("2"), user("a")]],
    [
      "takes results in any order",
      [],
      [calling("1", "2"), result("2"), result("1")],
      [calling("1", "2"), result("2"), result("1")],
    ],
    [
      "closes what is left of several",
      [],
      [calling("1", "2"), result("2"), user("a")],
      [calling("1", "2"), result("2"), closing("1"), user("a")],
    ],
    ["leaves the last calls open", [], [user("a"), calling("1")], [user("a"), calling("1")]],
    ["gives a result without its call one", [], [result("9")], [opening("9"), result("9")]],
    [
      "takes a second result for another call's",
      ["1"],
      [result("1"), result("1")],
      [result("1"), opening("1"), result("1")],
    ],
  ];

  for (const [what, open, given, whole] of cases) {
    it(what, () => assert.deepEqual(repaired(open, given), whole));
  }

  it("makes of any messages a history that is whole, loses none, and keeps their order", () => {
    const id: fc.Arbitrary<string> = fc.constantFrom("1", "2", "3");
    const any = fc.oneof(
      fc.constantFrom(user("u"), assistant("a"), { role: "system", content: "s" } as const),
      fc.uniqueArray(id, { minLength: 1 }).map((ids) => calling(...ids)),
      id.map((one) => result(one)),
    );
    fc.assert(
      fc.property(fc.array(any), fc.uniqueArray(id), (messages, open) => {
        const whole = repaired(open, messages);
        assert.deepEqual(
          whole.filter(({ metadata }) => metadata === undefined),
          messages,
        );
        let waiting = new Set<string>(open);
        for (const { role, toolCallId = "", toolCalls = [] } of whole) {
          if (role === "tool") assert.ok(waiting.delete(toolCallId), "a result follows its call");
          else {
            assert.equal(waiting.size, 0, "nothing stands between a call and its result");
            waiting = new Set(toolCalls.map((call) => call.id));
          }
        }
        // What was made whole is so already.
        assert.deepEqual(repaired(open, whole), whole);
      }),
    );
  });
});

describe("withMessages()", () => {
  it("counts a turn for each message of the user that is answered, by however many messages", () => {
    const sealed = [user("a"), user("b"), calling("1"), result("1"), assistant("c"), assistant("d"), user("e")].map(
      (message) => ({ ...message, tokens: 2 }),
    );
    assert.deepEqual(withMessages(EMPTY_CONVERSATION, sealed), {
      ...EMPTY_CONVERSATION,
      messages: 7,
      turns: 1,
      isAwaiting: true,
      tokens: 14,
    });
    assert.deepEqual(withMessages(EMPTY_CONVERSATION, sealed.slice(0, 3)).openCalls, ["1"]);
  });
});

describe("withFacts()", () => {
  it("keeps what the user told under one member, and forgets by null", () => {
    const memory = withFacts({ task: 1 }, { name: "John", city: "Rome" });
    assert.deepEqual(memory, { task: 1, user: { name: "John", city: "Rome" } });
    assert.deepEqual(withFacts(memory, { name: null }), { task: 1, user: { city: "Rome" } });
    assert.equal(withFacts(memory, {}), memory);
  });

  it("leaves alone what somebody else keeps there", () => {
    for (const user of ["somebody's own", ["a"], null, 5]) {
      assert.deepEqual(withFacts({ user }, { name: "John" }), { user });
    }
    const user = { location: { city: "Oslo" }, age: 5 };
    assert.deepEqual(withFacts({ user }, { location: "Rome", age: null, name: "Ann" }), {
      user: { ...user, name: "Ann" },
    });
  });
});
