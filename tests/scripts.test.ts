import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Sojourn } from "../src/client/index.ts";
import { runScript, type ScriptOptions, type ScriptOutcome } from "../src/scripts/run-script.ts";
import { PLACES, type Place } from "./sdk-places.ts";
import { until } from "./until.ts";
import { APPS, WORKSHOP } from "./workshop.ts";

const SCRIPTS = fileURLToPath(new URL("scripts", import.meta.url));

const DONE: ScriptOutcome = { status: "completed", exitCode: 0 };

/** What a script came to, and printed. */
type Ran = ScriptOutcome & { readonly printed: string };

for (const [name, start] of PLACES) {
  describe(`scripts on ${name}`, () => {
    let place: Place;
    let sojourn: Sojourn;
    let folder = "";
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "sojourn-scripts-"));
      await mkdir(join(folder, "files"));
      await writeFile(join(folder, "files", "data.csv"), "a,b\n1,2\n");
      await writeFile(join(folder, "secret.txt"), "secret");
      await writeFile(join(folder, "secret.lua"), "return 'secret'");
      await symlink("/etc", join(folder, "files", "out"));
      await cp(SCRIPTS, join(folder, "scripts"), { recursive: true });
      await symlink(join(folder, "secret.lua"), join(folder, "scripts", "away.lua"));
      place = await start({ artifactRoots: join(folder, "files"), apps: APPS });
      sojourn = place.sojourn;
    });
    after(async () => {
      await place[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    const run = async (file: string, options: Partial<ScriptOptions> = {}): Promise<Ran> => {
      let printed = "";
      const print = (bytes: Uint8Array): void => {
        printed += Buffer.from(bytes).toString("utf8");
      };
      const outcome = await runScript(sojourn, { file: join(folder, "scripts", file), print, ...options });
      return { ...outcome, printed };
    };
    /** Runs what is written here. */
    const runText = async (source: string, options: Partial<ScriptOptions> = {}): Promise<Ran> => {
      await writeFile(join(folder, "scripts", "written.lua"), source);
      return await run("written.lua", options);
    };

    for (const script of [
      "creating",
      "lifecycle",
      "current",
      "keeping",
      "querying",
      "safely",
      "checkpoints",
      "retrying",
      "cleaning",
      "templating",
      "publishing",
      "refusing",
      "measuring",
      "missing",
      "packing",
      "replaying",
      "remembering",
      "subscribing",
    ]) {
      it(`runs ${script}.lua`, async () => assert.deepEqual(await run(`${script}.lua`), { ...DONE, printed: "" }));
    }

    it("runs storing.lua, with a file that may be stored", async () => {
      const printed = "report.txt 9, config.json 15, all.bin 256, data.csv 8\n";
      assert.deepEqual(await run("storing.lua", { args: [join(folder, "files", "data.csv")] }), { ...DONE, printed });
    });

    it("runs tools.lua, with a directory that may be read", async () => {
      assert.deepEqual(await run("tools.lua", { fileRoots: [join(folder, "files")] }), { ...DONE, printed: "" });
    });

    it("runs sessions.ts, which has the same globals", async () => {
      const printed = 'done ["one"] {"status":"failed"}\n';
      assert.deepEqual(await run("sessions.ts", { args: ["one"] }), { ...DONE, printed });
    });

    it("tells what a script in TypeScript failed by, with its line", async () => {
      const failed = async (source: string): Promise<string> => {
        await writeFile(join(folder, "scripts", "written.ts"), source);
        const told = await run("written.ts", { memoryMiB: 32 });
        return told.status === "failed" ? told.message : told.status;
      };
      const thrown = "function f(id: string): void {\n  Session.setCurrent(id);\n}\nf('nobody');";
      assert.match(
        await failed(thrown),
        /^ScriptError: Session nobody not found\n {4}at f \(written\.ts:2:\d+\)\n.*written\.ts:4/,
      );
      assert.match(await failed("\nlet x: = 1;"), /^written\.ts:2: Unexpected token/);
      assert.match(await failed("\n\nenum Kind { One }"), /^written\.ts:3: TypeScript enum is not supported/);
      await writeFile(join(folder, "scripts", "broken.ts"), "export const y = 1;\n\nlet x: = 1;");
      assert.match(await failed("import { y } from './broken.ts'; print(y);"), /broken\.ts:3: Unexpected token/);
      assert.match(await failed("throw 'a text'"), /^Uncaught a text$/);
      assert.match(await failed("throw { code: 1 };"), /^Uncaught \{"code":1\}$/);
      assert.match(await failed("await new Promise(() => {});"), /^written\.ts: it waits for what never comes$/);
      assert.match(
        await failed("function f(): number { return 1 + f(); }\nf();"),
        /^RangeError: Maximum call stack size exceeded/,
      );
      assert.match(
        await failed("const all: string[] = [];\nfor (;;) all.push('x'.repeat(1e6) + all.length);"),
        /out of memory/,
      );
      assert.match(
        await failed("Session.create({ metadata: { f: () => 1 } } as never);"),
        /^TypeError: A function can't be given/,
      );
      assert.match(await failed("import { x } from '../secret.ts'; print(x);"), /no file of the script's folder/);
      assert.match(
        await failed("import { readFileSync } from 'node:fs'; print(readFileSync('/etc/hostname'));"),
        /no file/,
      );
      assert.match(await failed("const fs = await import('/etc/hostname'); print(fs);"), /no file/);
    });

    it("ends a script in TypeScript as it says, or when its time is over", async () => {
      const ended = async (source: string): Promise<unknown> => {
        await writeFile(join(folder, "scripts", "written.ts"), source);
        const { printed: _, ...told } = await run("written.ts", { timeoutMs: 1_500 });
        return told;
      };
      const stopped = { status: "stopped", why: "timeout" };
      assert.deepEqual(await ended("try { exit(3); } catch {} for (;;) {}"), { status: "completed", exitCode: 3 });
      assert.deepEqual(await ended("try { exit('x' as never); } catch { exit(4); }"), {
        status: "completed",
        exitCode: 4,
      });
      assert.deepEqual(await ended("for (;;) {}"), stopped);
      assert.deepEqual(await ended("sleep(60)"), stopped);
      await writeFile(
        join(folder, "scripts", "written.ts"),
        "console.log('a', { b: 1 }, null); console.error(undefined);",
      );
      assert.deepEqual(await run("written.ts"), { ...DONE, printed: 'a {"b":1} null\nundefined\n' });
    });

    it("runs confined.lua, which finds no way out", async () => {
      assert.deepEqual(await run("confined.lua", { args: ["one", "two"] }), { ...DONE, printed: "" });
    });

    it("begins with the current session that it is given, and takes it by its uid", async () => {
      const session = await sojourn.sessions.create({ sessionId: `given-${name.length}` });
      const told = await runText("print(Session.getCurrent()) State.set('seen', true)", { session: session.sessionId });
      assert.deepEqual(told, { ...DONE, printed: `${session.sessionId}\n` });
      assert.deepEqual(await session.workingMemory.get(), { seen: true });
      const byUid = await runText("print(Session.get(Session.getCurrent()).id)", { session: session.uid });
      assert.deepEqual(byUid, { ...DONE, printed: `${session.sessionId}\n` });
      await assert.rejects(run("missing.lua", { session: "nobody" }), { code: "session_not_found" });
    });

    it("acts as the session that it is given, and may do no more than that", async () => {
      const [own, other] = [await sojourn.sessions.create(), await sojourn.sessions.create()];
      const { artifactId } = await other.artifacts.store("a.txt", "a", { type: "user_input" });
      const source = `
        local own, other, artifact = Session.getCurrent(), ...
        Artifact.store("", "user_input", "mine.txt", "mine")
        assert(Session.get(own).id == own and #Artifact.list("") == 1 and Session.canReplay(own))
        for name, try in pairs {
          get = function() return Session.get(other) end,
          list = function() return Session.list() end,
          create = function() return Session.create() end,
          child = function() return Session.create({ parent_session_id = own }) end,
          current = function() Session.setCurrent(other) end,
          fail = function() Session.fail(other, "mine") end,
          delete = function() Session.delete(other) end,
          store = function() Artifact.store(other, "user_input", "b.txt", "b") end,
          read = function() assert(not Artifact.get(other, artifact)) error("nothing") end,
          state = function() State.save("session:" .. other, "a", 1) end,
          own_state = function() State.save("global", "a", 1) end,
          replays = function() return Session.listReplayable() end,
        } do
          local ok, fault = pcall(try)
          assert(not ok, name)
        end
        Session.setCurrent(nil)
        assert(not pcall(Session.get, other))
        Session.complete(own, "done")`;
      const told = await runText(source, { session: own.sessionId, args: [other.sessionId, artifactId] });
      assert.deepEqual(told, { ...DONE, printed: "" });
      const operations = await Array.fromAsync(own.operations());
      const actors = operations.map(({ actor }) => actor).slice(1);
      assert.deepEqual(new Set(actors), new Set([`session:${own.uid}`]));
      assert.equal((await sojourn.sessions.get(other.sessionId)).status, "active");
    });

    it("lets two scripts act as one session at once", async () => {
      const session = await sojourn.sessions.create();
      const ran = await Promise.all(
        ["a", "b"].map(async (each) => {
          await writeFile(
            join(folder, "scripts", `${each}.lua`),
            'for i = 1, 20 do Artifact.store("", "user_input", arg[0] .. i, arg[0]) end',
          );
          return await run(`${each}.lua`, { session: session.sessionId });
        }),
      );
      assert.deepEqual(ran, [
        { ...DONE, printed: "" },
        { ...DONE, printed: "" },
      ]);
      assert.equal((await session.artifacts.query({ limit: 100 })).length, 40);
    });

    it("calls actions of apps in the current session", async () => {
      const source = `
        Session.setCurrent(Session.create())
        local set = Tool.execute("infsh/session-test.set_value", { key = "color", value = "blue" })
        assert(set.success, set.error)
        local got = Tool.execute("infsh/session-test", { action = "get_value", key = "color" })
        print(got.result.value)
        local failed = Tool.execute("infsh/session-test.set_value", { value = {} })
        print(failed.success, type(failed.error))`;
      assert.deepEqual(await runText(source), { ...DONE, printed: "blue\nfalse\tstring\n" });
    });

    it("calls hosts that are allowed, and no others", async () => {
      const server = createServer((request, response) => {
        if (request.url === "/away") response.writeHead(302, { location: "http://localhost:1/" }).end();
        else response.end(`${request.method} ${request.headers["x-own"]}`);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const source = `
        local got = Tool.execute("http", { method = "POST", url = "http://" .. arg[1] .. "/", headers = { ["x-own"] = "me" } })
        print(got.result.status, got.result.body)
        print(Tool.execute("http", { url = "http://" .. arg[1] .. "/away" }).result.status)
        print(Tool.execute("http", { url = "http://localhost:1/" }).success)
        print(Tool.execute("http", { url = "file:///etc/hostname" }).success)`;
      try {
        const told = await runText(source, { httpHosts: [host], args: [host] });
        assert.deepEqual(told, { ...DONE, printed: "200\tPOST me\n302\nfalse\nfalse\n" });
      } finally {
        server.close();
      }
    });

    it("tells what a script failed by, with its line, and keeps what it did before", async () => {
      const told = await runText(
        "#!/usr/bin/env sojourn\nlocal id = Session.create({ name = 'kept' })\nSession.resume(id)",
      );
      assert.equal(told.status, "failed");
      assert.match(told.message, /^written\.lua:3: .*cannot become|^written\.lua:3: /);
      assert.match(told.message, /\n\twritten\.lua:3: in main chunk$/);
      const found = await Array.fromAsync(sojourn.sessions.list({ search: "kept" }));
      assert.equal(found[0]?.name, "kept");
    });

    it("stops what runs for too long, whatever it does", async () => {
      for (const source of [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        'os.execute("sleep 60")',
        "while true do Session.list() end",
        "while true do print(1) end",
        'string.find(("a"):rep(40), (".-"):rep(40) .. "b")',
      ]) {
        const { status, ...rest } = await runText(source, { timeoutMs: 400 });
        assert.deepEqual([status, "why" in rest && rest.why], ["stopped", "timeout"], source);
      }
    });

    it("stops when it is told to, also before it began", async () => {
      const stopped = { status: "stopped", why: "aborted", printed: "" };
      assert.deepEqual(await runText("while true do end", { signal: AbortSignal.abort() }), stopped);
      const stop = new AbortController();
      const print = (): void => stop.abort();
      const { printed: _, ...told } = await runText('print("go") while true do end', { signal: stop.signal, print });
      assert.deepEqual(told, { status: "stopped", why: "aborted" });
    });

    it("cancels the task that a script waits for when it stops", async () => {
      const session = await sojourn.sessions.create();
      const stop = new AbortController();
      const source = `Tool.execute("${WORKSHOP}.wait", {})`;
      const ran = runText(source, { session: session.sessionId, signal: stop.signal });
      let taskId = "";
      await until("the task runs", async () => {
        const [open] = await Array.fromAsync(session.tasks.list({ status: "open" }));
        taskId = open?.taskId ?? "";
        return open?.status === "running";
      });
      stop.abort();
      assert.equal((await ran).status, "stopped");
      await assert.rejects(session.tasks.follow(taskId), { code: "task_canceled" });
    });

    it("bounds the memory of a script", async () => {
      const told = await runText("local t = {}\nfor i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end", { memoryMiB: 32 });
      assert.deepEqual(told, { status: "failed", message: "written.lua: not enough memory", printed: "" });
    });

    it("ends as the script says", async () => {
      assert.deepEqual(await runText("print('a') os.exit(3)"), { status: "completed", exitCode: 3, printed: "a\n" });
      assert.deepEqual(await runText("pcall(os.exit, false) print('on')"), {
        status: "completed",
        exitCode: 1,
        printed: "",
      });
      assert.deepEqual(await runText("os.exit(true)"), { ...DONE, printed: "" });
    });

    it("waits for whoever reads what it prints", async () => {
      let read = 0;
      const print = async (): Promise<void> => {
        await new Promise((resolve) => setImmediate(resolve));
        read++;
      };
      assert.equal((await runText("for i = 1, 1000 do print(i) end", { print })).status, "completed");
      assert.ok(read >= 1_000);
    });

    it("survives values that are too deep, and templates that grow without end", async () => {
      const source = `
        local deep = ("["):rep(100000) .. ("]"):rep(100000)
        print(pcall(JSON.parse, deep))
        print(pcall(Tool.execute, "json-processor", { operation = "parse", input = deep }))
        local list = {}
        for i = 1, 1000 do list[i] = i end
        local grown = ("{{#a}}"):rep(9) .. ("{{/a}}"):rep(9)
        print(Tool.execute("template", { template = grown, context = { a = list } }).error)
        print(Tool.execute("template", { template = "<{{constructor}}{{a.constructor.constructor}}{{b}}>", context = { a = list, b = 1 } }).result)`;
      const { printed, ...told } = await runText(source);
      assert.deepEqual(told, DONE);
      const own = `
        local function render(template, context)
          print(Tool.execute("template", { template = template, context = context }).result)
        end
        render("<{{hasOwnProperty}}{{toString}}{{a.constructor.name}}{{#b}}{{constructor}}{{.}}{{/b}}>", { a = 1, b = { 1, 2 } })
        render("<{{hasOwnProperty}} {{constructor.name}}>", { hasOwnProperty = "mine", constructor = { name = "<me>" } })
        render("{{#list}}{{name}}{{outer}} {{/list}}{{^none}}none{{/none}}", { list = { { name = "a" }, { name = "b" } }, outer = 1 })`;
      assert.equal((await runText(own)).printed, "<12>\n<mine <me>>\na1 b1 none\n");
      assert.match(printed, /^false\t.*too deep\nfalse\t.*too deep\nthe template comes to more than \d+ parts\n<1>\n$/);
    });

    it("ends where what it prints can't be taken, and says why", async () => {
      const print = (): Promise<void> => Promise.reject(new Error("no more paper"));
      await assert.rejects(runText("print('a') while true do end", { print }), /no more paper/);
    });

    it("refuses what is no script, and options that can't work", async () => {
      await assert.rejects(run("nothing.lua"), { code: "not_found" });
      await assert.rejects(run("../files/data.csv"), { code: "invalid" });
      await assert.rejects(run("missing.lua", { memoryMiB: 1 }), { code: "invalid" });
    });
  });
}
