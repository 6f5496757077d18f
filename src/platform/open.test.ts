import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { SojournError } from "../engine/errors.ts";
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

  it("refuses what can't work, by the names of its own options, and touches nothing", async () => {
    const bad: readonly (readonly [options: object, field: keyof OpenOptions])[] = [
      [{ data: " " }, "data"],
      [{ data: 7 }, "data"],
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
