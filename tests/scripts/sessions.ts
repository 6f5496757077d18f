// What scripts in Lua can do, in TypeScript.
import { assert, type Named } from "./parts/assert.ts";

const id = Session.create({ name: "Sales", tags: ["typed"], metadata: { priority: "high", nested: { list: [1, 2] } } });
const seen: Named | undefined = Session.get(id);
assert(seen?.name === "Sales", "the name");
assert(Session.get(id)?.metadata["priority"] === "high", "the metadata");
assert(Session.get("nobody") === undefined && Session.load("nobody") === undefined, "nobody");
assert((Session.get(id)?.created_at ?? 0) <= Date.now() / 1_000, "the time");
const built = Session.builder().name("Built").tag("a").tags(["b"]).tag("c").build();
assert(Session.get(built)?.tags.join() === "b,c", "the builder");
assert(Session.list({ tags: ["typed"], status: "active" }).length === 1, "the list");
Session.setCurrent(id);
assert(Session.getCurrent() === id && Session.get_current() === id, "the current one");

const every = Uint8Array.from({ length: 256 }, (_, i) => i);
const binary = Artifact.store("", "user_input", "all.bin", every, { author: "me" });
const text = Artifact.store(id, "user_input", "a.csv", "a,b\0\n", { tags: ["t"] });
const back = Artifact.get(id, binary)?.content;
assert(back instanceof Uint8Array && back.length === 256 && back.every((byte, i) => byte === i), "the bytes");
assert(Artifact.get(id, text)?.content === "a,b\0\n" && Artifact.get(id, "x") === undefined, "the text");
assert(Artifact.get(id, binary)?.metadata["author"] === "me", "the author");
assert(
  Artifact.query({ session_id: id, name_pattern: "*.csv", created_after: Date.now() / 1_000 - 60 }).length === 1,
  "the query",
);
Artifact.delete(id, text);
assert(Artifact.list(id).length === 1, "the rest");

const packed = Tool.execute("compression", { operation: "compress", input: every }).result;
const unpacked = Tool.execute("compression", { operation: "decompress", input: packed }).result;
assert(unpacked instanceof Uint8Array && unpacked.length === 256, "the compression");
assert(
  Tool.execute("json-processor", { operation: "stringify", input: { "\0b0": "\0b0" } }).result ===
    '{"\\u0000b0":"\\u0000b0"}',
  "NUL",
);
const topic = Topic.publish(`ts-${id}`, { n: 1 }).topic;
const [message] = Topic.receive(topic, "reader", { wait_seconds: 1 });
assert(message?.seq === 1 && message.session_id === id, "the message");
assert(Topic.acknowledge(topic, "reader", 1) === 0 && Topic.messages(topic).length === 1, "the topic");
State.set("count", 1);
assert(State.get("count") === 1 && State.get("none") === undefined, "the state");
assert(Replay.verify(id).ok && Session.replay(id, { mode: "exact" }).failed_replays === 0, "the replay");

let refused = "";
try {
  Session.setCurrent("nobody");
} catch (error) {
  refused = String(error);
}
assert(refused === "ScriptError: Session nobody not found", refused);
for (const name of ["process", "require", "fetch", "WebAssembly", "setTimeout", "Deno", "std", "os"]) {
  assert(!(name in globalThis), name);
}
sleep(0.01);
Session.fail(id, "as planned");
const status = await Promise.resolve(Session.get(id)?.status);
print("done", args, { status });
