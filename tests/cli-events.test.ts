import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { open } from "../src/platform/index.ts";
import { Api } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { startServer, type TestServer } from "./server.ts";

describe("the command line, with templates, events and webhooks", () => {
  let server: TestServer;
  let api: Api;
  let cli: CommandLine;

  before(async () => {
    server = await startServer({ webhook_targets: "any" });
    api = new Api(server.url);
    cli = await CommandLine.begin({ SOJOURN_URL: server.url });
  });
  after(async () => {
    await cli[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** What a command printed that had to go well. */
  async function printed(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cli.run(args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  function cells(text: string): readonly (readonly string[])[] {
    return text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
  }

  it("sets, shows, lists and removes templates, and begins sessions with them", async () => {
    assert.equal(await printed("templates", "list"), "No templates\n");
    const defaults = ["--name-prefix", "R: ", "--tag", "a,b", "--metadata", '{"x":1}', "--max-lifetime", "7d"];
    assert.equal(
      await printed("templates", "set", "research", ...defaults, "--idle-timeout", "never"),
      "research: set\n",
    );
    const { data } = await api.get<{ version: number; updated_at: string }>("/templates/research");
    assert.deepEqual(await cli.json(["templates", "show", "research"]), data);
    assert.deepEqual(await cli.json(["templates", "list"]), [data]);
    assert.deepEqual(cells(await printed("templates", "show", "research")), [
      ["template", "research"],
      ["source", "tenant"],
      ["name prefix", '"R: "'],
      ["tags", "a, b"],
      ["metadata", '{"x":1}'],
      ["idle timeout", "never"],
      ["lifetime", "604800 s"],
      ["version", `${data.version}`],
      ["updated", data.updated_at.replace(/\.\d+Z$/, "Z")],
    ]);
    assert.deepEqual(cells(await printed("templates", "list")), [
      ["TEMPLATE", "SOURCE", "NAME PREFIX", "TAGS", "IDLE TIMEOUT", "LIFETIME"],
      ["research", "tenant", "R:", "a, b", "never", "604800 s"],
    ]);
    const create = [
      "sessions",
      "create",
      "made",
      "--template",
      "research",
      "--name",
      "one",
      "--tag",
      "c",
      "--user",
      "ann",
    ];
    assert.equal(await printed(...create), "made\n");
    const session = await api.session("made");
    assert.deepEqual([session.name, session.tags, session.user_id], ["R: one", ["a", "b", "c"], "ann"]);
    assert.deepEqual(await cli.json([...create, "--if-exists", "return"]), session);
    const some = await cli.run(["templates", "remove", "nobody", "research"]);
    assert.deepEqual([some.code, some.stdout, some.stderr], [3, "research: removed\n", "Template nobody not found\n"]);
  });

  it("prints events as the log has them, and as REST has them, for programs", async () => {
    const { cursor } = (await api.get<{ cursor: string }>("/events?after=now")).data;
    await api.create({ session_id: "e1", metadata: { text: "red \u001b[31m" } });
    await api.post("/sessions/e1/suspend", { reason: "tea" });
    const { data } = await api.get<{ events: readonly { cursor: string }[] }>(`/events?after=${cursor}`);
    const lines = await printed("events", "--after", cursor, "--json");
    assert.deepEqual(
      lines
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
      data.events,
    );
    const text = await printed("events", "--after", cursor, "--type", "session.suspended");
    assert.match(text, /^ *\d+ {2}\S+Z {2}session\.suspended +e1 2 {2}\S+ {2}\{"reason":"tea"\}\n$/);
    assert.equal(Number.parseInt(text, 10), Number(data.events[1]?.cursor));
    assert.ok(!(await printed("events", "--after", cursor)).includes("\u001b"));
    const one = await cli.run(["events", "--after", cursor, "--limit", "1"]);
    assert.deepEqual([one.stdout.split("\n").length, one.code], [2, 0]);
    assert.equal(one.stderr, "There are more; see them with --after and the last cursor, or --limit all\n");
  });

  it("follows events until it is interrupted", async () => {
    const { cursor } = (await api.get<{ cursor: string }>("/events?after=now")).data;
    const follow = ["events", "--follow", "--after", cursor, "--type", "session.created", "--json"];
    const { child, ended } = cli.start(follow);
    child.stdout.setEncoding("utf8");
    await api.create({ session_id: "f1" });
    const [first] = (await once(child.stdout, "data")) as [string];
    assert.equal(JSON.parse(first).session_id, "f1");
    const next = once(child.stdout, "data");
    await api.create({ session_id: "f2" });
    assert.equal(JSON.parse(String((await next)[0])).session_id, "f2");
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
    assert.equal((await printed(...follow, "--limit", "2")).trimEnd().split("\n").length, 2);
  });

  it("sets, shows, switches, rotates and removes webhooks, and tells a secret once", async () => {
    assert.equal(await printed("webhooks", "list"), "No webhooks\n");
    const url = "http://127.0.0.1:9/hook";
    const set = ["webhooks", "set", "w", url, "--type", "session.created,session.artifact.*", "--off"];
    const [, secret] = /^w: off\n\n {2}(whsec_\S+)\n\nKeep it now/.exec(await printed(...set)) ?? [];
    assert.ok(secret);
    assert.equal(await printed(...set), "w: off\n");
    const { data } = await api.get<Record<string, string>>("/webhooks/w");
    assert.deepEqual(await cli.json(["webhooks", "show", "w"]), data);
    assert.deepEqual(await cli.json(["webhooks", "list"]), [data]);
    const [, listed] = cells(await printed("webhooks", "list"));
    assert.deepEqual(listed, ["w", "off", data["cursor"], "session.created session.artifact.*", url]);
    const [, ...facts] = cells(await printed("webhooks", "show", "w"));
    assert.deepEqual(facts.slice(0, 3), [
      ["url", url],
      ["state", "off"],
      ["types", "session.created session.artifact.*"],
    ]);
    const rotated = await cli.json<Record<string, string>>(["webhooks", "rotate", "w"]);
    assert.match(rotated["secret"] ?? "", /^whsec_/);
    assert.notEqual(rotated["secret"], secret);
    assert.equal(await printed("webhooks", "on", "w"), "w: on\n");
    const on = (await api.get<Record<string, unknown>>("/webhooks/w")).data;
    assert.deepEqual([on["active"], on["url"], on["types"]], [true, url, ["session.created", "session.artifact.*"]]);
    assert.equal(await printed("webhooks", "off", "w"), "w: off\n");
    assert.deepEqual(await cli.json(["webhooks", "remove", "w"]), { removed: ["w"] });
  });

  it("ends with a number that says why", async () => {
    await api.create({ session_id: "taken" });
    const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
      [3, ["templates", "show", "nobody"], /^Template nobody not found\n$/],
      [2, ["templates", "set", "x", "--metadata", "1"], /must be a JSON object/],
      [2, ["templates", "set", "x", "--idle-timeout", "soon"], /must be seconds/],
      [2, ["templates", "set", "a b"], /"name" must be 1 to 128/],
      [3, ["sessions", "create", "--template", "nobody"], /^Template nobody not found\n$/],
      [1, ["sessions", "create", "taken"], /^Session "taken" exists and is active/],
      [2, ["events", "--after", "x"], /must be the cursor of an event, or now/],
      [2, ["events", "--after", "999999999999999"], /is no cursor of this feed/],
      [2, ["events", "--type", "created"], /no event is called "created"/],
      [3, ["webhooks", "show", "nobody"], /^Webhook nobody not found\n$/],
      [3, ["webhooks", "off", "nobody"], /^Webhook nobody not found\n$/],
      [2, ["webhooks", "set", "x", "ftp://example.com"], /must be an https address/],
      [2, ["webhooks", "set", "x"], /missing required argument 'url'/],
    ];
    for (const [code, args, stderr] of cases) {
      const ended = await cli.run(args);
      assert.match(ended.stderr, stderr, args.join(" "));
      assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
    }
  });

  it("works on data without a server, by what is configured, and brings nothing from there", async () => {
    const data = join(cli.cwd, "store");
    await (await open({ data, durability: "none" })).close();
    await writeFile(
      join(cli.cwd, "sojourn.toml"),
      '[templates.chat]\nname_prefix = "Chat "\nidle_timeout_seconds = 90\n',
    );
    const at = ["--data", data];
    const [template] = await cli.json<readonly object[]>(["templates", "list", ...at]);
    assert.deepEqual(template, {
      name: "chat",
      name_prefix: "Chat ",
      idle_timeout_seconds: 90,
      source: "configuration",
    });
    assert.equal(await printed("sessions", "create", "own", "--template", "chat", "--name", "x", ...at), "own\n");
    assert.match(await printed("events", ...at), / session\.created +own 1 /);
    const refused = await cli.run(["templates", "remove", "chat", ...at]);
    assert.deepEqual([refused.code, refused.stderr], [4, 'Template "chat" is of the configuration, and stays\n']);
    const set = ["webhooks", "set", "w", "http://127.0.0.1:9/", ...at];
    assert.match((await cli.run(set)).stderr, /must be an https address/);
    const env = { SOJOURN_WEBHOOK_TARGETS: "any" };
    assert.match((await cli.run(set, { env })).stdout, /^w: on\n\n {2}whsec_/);
    assert.deepEqual(cells(await printed("webhooks", "list", ...at))[1]?.slice(0, 2), ["w", "on"]);
  });

  it("sets limits and apps of sessions and templates, shows and changes them", async () => {
    const limits = '{"calls": 1, "error_rate": {"over": 0.5, "action": "warn"}}';
    await printed("templates", "set", "bounded", "--limits", limits, "--app", "data-processor");
    assert.match(await printed("templates", "show", "bounded"), /^apps +data-processor$/m);
    await printed("sessions", "create", "b", "--template", "bounded", "--limits", '{"error_rate": null}');
    assert.match(await printed("sessions", "show", "b"), /^limits +\{"calls":\[\{"at":1,"action":"pause"\}\]\}$/m);
    assert.equal(await printed("sessions", "update", "b", "--name", "Bee", "--limits", '{"calls": 2}'), "b: active\n");
    const shown = JSON.parse(await printed("sessions", "show", "b", "--json"));
    assert.deepEqual(
      [shown.name, shown.limits, shown.apps],
      ["Bee", { calls: [{ at: 2, action: "pause" }] }, ["data-processor"]],
    );
    await printed("sessions", "update", "b", "--name", "");
    assert.doesNotMatch(await printed("sessions", "show", "b"), /^name/m);
    const nothing = await cli.run(["sessions", "update", "b", "--url", server.url]);
    assert.deepEqual([nothing.code, /Say what to change/.test(nothing.stderr)], [2, true], nothing.stderr);
    const odd = await cli.run(["sessions", "create", "c", "--limits", '{"calls": "many"}', "--url", server.url]);
    assert.match(odd.stderr, /limits\.calls.*must be a number, a rule such as/);
    assert.equal(odd.code, 2);
  });

  it("completes words for a shell, and helps", async () => {
    for (const word of ["templates", "events", "webhooks"]) {
      assert.match((await cli.run(["complete", "--", word.slice(0, -1)])).stdout, new RegExp(`^${word}\t`, "m"));
    }
    assert.match(await printed("templates", "set", "--help"), /sojourn sessions create --template research/);
    assert.match(await printed("events", "--help"), /sojourn events --follow --after now/);
  });
});
