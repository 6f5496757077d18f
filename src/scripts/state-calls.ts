import { type Session, SojournError } from "../client/index.ts";
import { json, someText } from "./arguments.ts";
import type { CallsOf } from "./calls.ts";
import type { ScriptHost } from "./script-host.ts";
import type { Value } from "./value.ts";

/**
 * What `State` can do: it keeps values by name, in the working memory of sessions. `get` and `set` are of the current session.
 * The others name a scope: `session` is the current one, `session:ID` that one; any other is a session of its own, which never
 * ends by itself, called `state:` and the scope.
 */
export const STATE_CALLS: CallsOf<"State"> = {
  "State.get": async (host, [key]) => await read(host, await host.session(undefined), key),
  "State.set": async (host, [key, value]) => await write(host, await host.session(undefined), { key, value }),
  "State.load": async (host, [scope, key]) => {
    const session = await find(host, scope);
    return session === undefined ? undefined : await read(host, session, key);
  },
  "State.save": async (host, [scope, key, value]) => await write(host, await make(host, scope), { key, value }),
  "State.delete": async (host, [scope, key]) => {
    const [session, name] = key === undefined ? [await host.session(undefined), scope] : [await find(host, scope), key];
    return session === undefined ? undefined : await write(host, session, { key: name, value: undefined });
  },
  "State.listKeys": async (host, [scope]) => {
    const session = scope === undefined ? await host.session(undefined) : await find(host, scope);
    return session === undefined ? [] : Object.keys(await session.workingMemory.get({ signal: host.signal })).sort();
  },
};

async function read({ signal }: ScriptHost, session: Session, key: Value): Promise<Value> {
  const facts = await session.workingMemory.get({ signal });
  const name = someText(key, "the key");
  return Object.hasOwn(facts, name) ? facts[name] : undefined;
}

async function write(
  { signal }: ScriptHost,
  session: Session,
  { key, value }: { readonly key: Value; readonly value: Value },
): Promise<undefined> {
  await session.workingMemory.update({ [someText(key, "the key")]: json(value, "the value") }, { signal });
}

async function find(host: ScriptHost, scope: Value): Promise<Session | undefined> {
  const { id, isOwn } = named(scope);
  return isOwn ? await host.sojourn.sessions.find(ownId(id), { signal: host.signal }) : await host.session(id);
}

async function make(host: ScriptHost, scope: Value): Promise<Session> {
  const { id, isOwn } = named(scope);
  if (!isOwn) return await host.session(id);
  return await host.sojourn.sessions.getOrCreate(
    ownId(id),
    { name: `State of ${id}`, tags: ["state"], idleTimeoutMs: null },
    { signal: host.signal },
  );
}

function named(scope: Value): { readonly id: string; readonly isOwn: boolean } {
  const name = someText(scope, "the scope");
  if (name === "session") return { id: "", isOwn: false };
  return name.startsWith("session:") ? { id: name.slice(8), isOwn: false } : { id: name, isOwn: true };
}

function ownId(scope: string): string {
  const id = `state:${scope}`;
  if (/^[A-Za-z0-9._:@-]{1,128}$/.test(id)) return id;
  throw new SojournError("invalid", {
    message: `No scope can be called "${scope}": letters, digits and . _ : @ - will do, at most 122`,
  });
}
