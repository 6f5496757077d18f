import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../../../conformance/engine-for-tests.ts";
import { SECOND } from "../../../engine/clock.ts";
import { SojournError } from "../../../engine/errors.ts";
import { openSqliteStore } from "../../../store/sqlite/index.ts";
import { NO_CONTENT, type Route } from "../../route.ts";
import { decodeRun } from "./decode.ts";
import { encodeError } from "./errors.ts";
import { sessionRoutes, usable } from "./session-routes.ts";

const engineOf = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

/** A session as a call with these members begins one. */
async function sessionOf({ sessions, caller, clock }: TestEngine, body: object): Promise<string> {
  const { in: wanted } = decodeRun({ app: "a/b", session: "new", ...body }, clock.now());
  assert.ok(wanted.session === "new");
  const { value } = await sessions.create(caller, { idleTimeoutUs: wanted.idleTimeoutUs });
  return value.session.record.sessionId;
}

/** The status and the code that a client gets. */
async function refusalOf(call: Promise<unknown>): Promise<readonly unknown[]> {
  const error = await call.then(
    () => assert.fail("It is refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SojournError);
  const { status, body } = encodeError(error, "req_1");
  const { code, detail } = body as { readonly code: string; readonly detail: string };
  return [status, code, detail];
}

describe("a session of this dialect", () => {
  for (const { body, seconds } of [
    { body: {}, seconds: 60 },
    { body: { session_timeout: 1 }, seconds: 1 },
    { body: { session_timeout: 3_600 }, seconds: 3_600 },
  ]) {
    it(`lives for ${seconds} s without a call, and no longer`, async () => {
      const engine = engineOf();
      const id = await sessionOf(engine, body);
      engine.clock.advance(seconds * SECOND);
      assert.equal((await usable(engine, id)).record.status, "active");
      engine.clock.advance(1);
      const gone = [410, "SESSION_EXPIRED", `session expired: ${id} (session not found)`];
      assert.deepEqual(await refusalOf(usable(engine, id)), gone);
    });
  }

  it("is kept alive by keepalive, and ends once only", async () => {
    const engine = engineOf();
    const { clock } = engine;
    const id = await sessionOf(engine, {});
    // NOTE: a session that no app was used in asks for none of the other members.
    const call = { ...engine, id, header: () => undefined } as unknown as Parameters<Route["handle"]>[0];
    const ask = (operationId: string): Promise<unknown> =>
      sessionRoutes.find((route) => route.operationId === operationId)?.handle(call) ?? assert.fail(operationId);
    for (const _ of [1, 2, 3]) {
      clock.advance(59 * SECOND);
      await ask("keepAppSessionAlive");
    }
    clock.advance(61 * SECOND);
    assert.deepEqual((await refusalOf(ask("keepAppSessionAlive"))).slice(0, 2), [410, "SESSION_EXPIRED"]);
    // It is over already, as one that was ended.
    assert.equal(await ask("endAppSession"), NO_CONTENT);
  });
});
