import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SojournError } from "../engine/errors.ts";
import type { Logger } from "./log.ts";
import { type OpenOptions, open } from "./open.ts";

async function onDirectory(use: (data: string) => Promise<void>): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "sojourn-test-"));
  try {
    await use(data);
  } finally {
    await rm(data, { recursive: true });
  }
}

describe("open()", () => {
  it("has the directory for itself until it is closed, and finds there what was written", async () => {
    await onDirectory(async (data) => {
      const first = await open({ data });
      const { uid } = await first.sessions.create({ sessionId: "kept" });
      await assert.rejects(open({ data }), { code: "store_in_use" });
      await first.close();
      await using second = await open({ data });
      assert.equal((await second.sessions.get("kept")).uid, uid);
    });
  });

  it("has the templates that it is given beside those that are kept, and refuses what no template can be", async () => {
    await onDirectory(async (data) => {
      const templates = {
        chat: { namePrefix: "Chat ", tags: ["c"], metadata: { a: 1 }, idleTimeoutMs: null, apps: ["b"] },
      };
      const limits = { calls: 3, errorRate: { over: 0.5, action: "warn" } } as const;
      const held = { calls: [{ at: 3, action: "pause" }], errorRate: [limits.errorRate] };
      await using sojourn = await open({
        data,
        templates: { chat: { ...templates.chat, limits } },
        limits: { tokens: 9 },
      });
      const [{ source, version, ...template } = assert.fail("there is one"), ...others] =
        await sojourn.templates.list();
      assert.deepEqual([source, version, others], ["configuration", undefined, []]);
      const left = { name: "chat", maxLifetimeMs: undefined, updatedAt: undefined };
      assert.deepEqual(template, { ...templates.chat, ...left, limits: held });
      const session = await sojourn.sessions.create({ template: "chat", name: "one" });
      assert.deepEqual([session.name, session.idleTimeoutMs, session.apps], ["Chat one", undefined, ["b"]]);
      assert.deepEqual(session.limits, { ...held, tokens: [{ at: 9, action: "pause" }] });
      await assert.rejects(sojourn.templates.remove("chat"), { code: "forbidden" });
      const refused = async (options: object): Promise<readonly string[]> => {
        const error = await open({ data: join(data, "other"), ...options }).then(
          () => assert.fail("it went well"),
          (thrown: unknown) => thrown,
        );
        assert.ok(error instanceof SojournError && error.code === "invalid", String(error));
        return error.faults.map(({ field }) => field);
      };
      assert.deepEqual(await refused({ foo: 1, bar: undefined, templates: 5 }), ["foo", "templates"]);
      const wrong = { x: { bogus: 1 }, y: 5, z: { tags: 5 }, chat: templates.chat };
      assert.deepEqual(await refused({ templates: wrong }), ["templates.x.bogus", "templates.y", "templates.z.tags"]);
      const bad = open({ data: join(data, "other"), templates: { chat: { tags: [""] } } });
      await assert.rejects(bad, (error: SojournError) => {
        assert.deepEqual([error.code, error.faults[0]?.field], ["invalid", "templates.chat.tags.0"]);
        return true;
      });
    });
  });

  it("brings events to webhooks, also those that an earlier process left, where it is not told otherwise", async () => {
    await onDirectory(async (data) => {
      const brought: string[] = [];
      let arrived = (): void => undefined;
      const target = createServer(async (request, response) => {
        brought.push(JSON.parse((await request.toArray()).join("")).data.session_id);
        response.end();
        arrived();
      });
      target.listen(0, "127.0.0.1").unref();
      await once(target, "listening");
      const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
      const first = await open({ data, webhookTargets: "any", webhooks: "off" });
      await first.webhooks.set("w", { url, types: ["session.created"] });
      await first.sessions.create({ sessionId: "left" });
      await first.close();
      assert.deepEqual(brought, []);
      const both = new Promise<void>((resolve) => {
        arrived = () => brought.length === 2 && resolve();
      });
      await using second = await open({ data, webhookTargets: "any" });
      await second.sessions.create({ sessionId: "next" });
      await both;
      assert.deepEqual(brought, ["left", "next"]);
      target.close();
    });
  });

  it("tells its log what a handler of events throws, where nobody else is told", async () => {
    await onDirectory(async (data) => {
      const logged = Promise.withResolvers<object>();
      const silent = () => undefined;
      await using sojourn = await open({
        data,
        logger: { info: silent, warn: silent, fatal: silent, error: logged.resolve },
      });
      const failure = new Error("no");
      using _ = await sojourn.on("session.created", () => Promise.reject(failure));
      const { cursor: before } = await sojourn.events.page({ after: "now" });
      await sojourn.sessions.create();
      const [event] = (await sojourn.events.page({ after: before })).events;
      assert.deepEqual(await logged.promise, { err: failure, type: "session.created", cursor: event?.cursor });
    });
  });

  it("refuses what can't work, by the names of its own options, and touches nothing", async () => {
    const bad: readonly (readonly [options: object, field: keyof OpenOptions])[] = [
      [{ data: " " }, "data"],
      [{ data: 7 }, "data"],
      [{ storage: "memory" }, "storage"],
      [{ durability: "some" }, "durability"],
      [{ maxSessions: 0 }, "maxSessions"],
      [{ idleTimeoutMs: 999 }, "idleTimeoutMs"],
      [{ idleTimeoutMs: 1_000.5 }, "idleTimeoutMs"],
      [{ idleTimeoutMs: 315_360_000_001 }, "idleTimeoutMs"],
      [{ cleanupIdleMs: -1 }, "cleanupIdleMs"],
      [{ maxMetadataBytes: 1 }, "maxMetadataBytes"],
      [{ maxStoreBytes: 1_048_575 }, "maxStoreBytes"],
      [{ sweepIntervalMs: 9 }, "sweepIntervalMs"],
      [{ sweepIntervalMs: "10" }, "sweepIntervalMs"],
      [{ tenant: "no tenant" }, "tenant"],
      [{ webhookTargets: "some" }, "webhookTargets"],
      [{ webhooks: "some" }, "webhooks"],
    ];
    await onDirectory(async (data) => {
      for (const [options, field] of bad) {
        await assert.rejects(open({ data, ...options }), (error: SojournError) => {
          assert.equal(error.code, "invalid");
          assert.equal(error.faults[0]?.field, field);
          return true;
        });
      }
      await using good = await open({
        data,
        idleTimeoutMs: 1_000,
        cleanupIdleMs: 0,
        maxMetadataBytes: 2,
        maxSessions: 1,
      });
      const session = await good.sessions.create();
      assert.equal(session.idleTimeoutMs, 1_000);
      await assert.rejects(session.update({ metadata: { a: 1 } }), { code: "invalid" });
    });
  });

  it("keeps nothing where its storage is temporary, and touches no directory of its owner", async () => {
    await onDirectory(async (directory) => {
      const data = join(directory, "data");
      for (let i = 0; i < 2; i++) {
        await using sojourn = await open({ data, storage: "temporary" });
        const session = await sojourn.sessions.create({ sessionId: "brief" });
        await session.artifacts.store("a.txt", "x".repeat(100_000), { type: "user_input" });
        assert.equal((await session.artifacts.query({})).length, 1);
      }
      assert.equal(existsSync(data), false);
    });
  });

  it("refuses apps that are not there, and touches nothing", async () => {
    await onDirectory(async (data) => {
      const inner = join(data, "inner");
      await assert.rejects(open({ data: inner, apps: ["./nowhere"] }), {
        code: "invalid",
        message: 'There is no folder, file or package of apps "./nowhere"',
      });
      assert.equal(existsSync(inner), false);
    });
  });

  it("keeps tenants apart", async () => {
    await onDirectory(async (data) => {
      {
        await using mine = await open({ data, tenant: "mine" });
        await mine.sessions.create({ sessionId: "secret" });
      }
      await using other = await open({ data });
      assert.equal(await other.sessions.find("secret"), undefined);
    });
  });

  it("tells its logger what it does by itself, and nobody else", async (t) => {
    await onDirectory(async (data) => {
      const written = [process.stdout, process.stderr].map((stream) => t.mock.method(stream, "write", () => true));
      const lines: string[] = [];
      const { promise: swept, resolve } = Promise.withResolvers<void>();
      const logger: Logger = {
        info: (_, message) => {
          lines.push(message);
          resolve();
        },
        warn: (_, message) => lines.push(message),
        error: (_, message) => lines.push(message),
        fatal: (_, message) => lines.push(message),
      };
      {
        await using sojourn = await open({ data, logger, sweepIntervalMs: 10 });
        await sojourn.sessions.create({ idleTimeoutMs: 1_000 });
        await swept;
      }
      for (const { mock } of written) {
        assert.equal(mock.callCount(), 0);
        mock.restore();
      }
      assert.deepEqual(lines, ["sessions expired"]);
    });
  });
});
