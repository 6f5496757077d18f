import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrokenApp } from "../engine/runner.ts";
import type { Describe } from "./app-source.ts";
import { type AppCatalog, type AppChange, type CatalogOptions, openCatalog } from "./catalog.ts";
import { createDescribe } from "./describe.ts";
import { type Isolation, openIsolation } from "./isolation.ts";

/** An app whose files are these lines. */
function source(name: string, { description = "", before = "" } = {}): string {
  return `import { defineApp, z } from "sojourn/app-format";
${before}
export const app = defineApp({
  name: ${JSON.stringify(name)},
  description: ${JSON.stringify(description)},
  actions: { run: { input: z.object({ k: z.number() }), run: ({ input }) => input.k } },
});
`;
}

describe("openCatalog()", () => {
  let root: string;
  let isolation: Isolation;
  let describeIt: Describe;
  let described: string[];
  let catalogs: AppCatalog[];

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "sojourn-apps-")));
    isolation = openIsolation({ directory: join(root, "work"), memoryMiB: 256, dataFolders: [], environment: {} });
    describeIt = createDescribe({ isolation });
    described = [];
    catalogs = [];
  });

  afterEach(async () => {
    for (const catalog of catalogs) await catalog.close();
    await isolation.close();
    rmSync(root, { recursive: true });
  });

  function put(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  async function open(options: Partial<CatalogOptions> = {}): Promise<AppCatalog> {
    const catalog = await openCatalog({
      sources: ["apps"],
      workingDirectory: root,
      directory: join(root, "data", "apps"),
      describe: async (app, signal) => {
        described.push(app.directory);
        return await describeIt(app, signal);
      },
      packageRoot: fileURLToPath(new URL("../..", import.meta.url)),
      release: "1",
      settleMs: 20,
      ...options,
    });
    catalogs.push(catalog);
    return catalog;
  }

  const namesIn = (catalog: AppCatalog): readonly string[] => catalog.apps().map(({ name }) => name);

  const kept = (): readonly string[] => readdirSync(join(root, "data", "apps")).sort();

  it("finds folders, folders of a namespace, and files; and nothing else", async () => {
    put("apps/one/app.ts", source("one"));
    put("apps/two/app.js", source("two"));
    put("apps/space/three/app.mjs", source("space/three"));
    put("apps/four.ts", source("four"));
    put("apps/four.test.ts", "throw new Error()");
    put("apps/types.d.ts", "");
    put("apps/README.md", "");
    put("apps/empty/notes.txt", "");
    put("apps/node_modules/five/app.js", source("five"));
    put("apps/.six/app.js", source("six"));
    const catalog = await open();
    assert.deepEqual(catalog.broken(), []);
    assert.deepEqual(namesIn(catalog), ["four", "one", "space/three", "two"]);
    assert.deepEqual(
      catalog.apps().map((app) => catalog.source(app).entry),
      ["four.ts", "app.ts", "app.mjs", "app.js"],
    );
  });

  it("takes a folder that is an app, a file, and a package", async () => {
    put("mine/app.ts", source("mine"));
    put("single.mjs", source("single"));
    put("node_modules/@own/packaged/package.json", JSON.stringify({ exports: { ".": { import: "./lib/main.js" } } }));
    put("node_modules/@own/packaged/lib/main.js", source("packaged"));
    const catalog = await open({ sources: ["mine", "./single.mjs", "@own/packaged"] });
    assert.deepEqual(catalog.broken(), []);
    assert.deepEqual(namesIn(catalog), ["mine", "packaged", "single"]);
    assert.equal(catalog.source(await catalog.app("packaged")).entry, "lib/main.js");
  });

  it("describes an app by its schemas and files, and runs a copy of them", async () => {
    put("apps/one/app.ts", source("one", { description: "The first" }));
    put("apps/one/data/rows.csv", "a,b\n");
    put("apps/one/node_modules/x/index.js", "");
    put("apps/one/.env", "SECRET=1");
    const catalog = await open();
    const app = await catalog.app("one");
    assert.deepEqual([app.name, app.description, app.version.length], ["one", "The first", 64]);
    assert.deepEqual(app.inputFaults("run", { k: "1" }), [
      { field: "k", message: "Invalid input: expected number, received string", type: "invalid_type" },
    ]);
    assert.deepEqual([app.inputFaults("run", { k: 1 }), app.setupFaults({ a: 1 })], [[], []]);
    const { directory, packageRoots } = catalog.source(app);
    assert.equal(directory, join(root, "data", "apps", app.version));
    assert.equal(packageRoots[0], join(root, "apps", "one"));
    assert.deepEqual(readdirSync(directory, { recursive: true }).sort(), ["app.ts", "data", "data/rows.csv"]);
    assert.deepEqual(described, [directory]);
  });

  it("gives a version by what the files hold and how they are called, and not by where they lie", async () => {
    put("apps/one/app.ts", source("one"));
    const first = (await (await open()).app("one")).version;
    renameSync(join(root, "apps", "one"), join(root, "apps", "other"));
    assert.equal((await (await open()).app("one")).version, first);
    put("apps/other/notes.txt", "");
    const second = (await (await open()).app("one")).version;
    renameSync(join(root, "apps", "other", "notes.txt"), join(root, "apps", "other", "more.txt"));
    const third = (await (await open()).app("one")).version;
    assert.equal(new Set([first, second, third]).size, 3);
  });

  it("describes only what it does not know, and all of it for another release", async () => {
    put("apps/one/app.ts", source("one"));
    await open();
    await open();
    assert.equal(described.length, 1);
    await open({ release: "2" });
    assert.equal(described.length, 2);
    const [version] = kept();
    writeFileSync(join(root, "data", "apps", `${version}.json`), "{ not what it was");
    assert.deepEqual(namesIn(await open({ release: "2" })), ["one"]);
    assert.equal(described.length, 3);
  });

  it("says what is wrong with a broken app by where the operator has it, and goes on with the others", async () => {
    put("apps/one/app.ts", source("one"));
    put("apps/two/app.ts", "export const app = ;\n");
    const broken: BrokenApp[] = [];
    const catalog = await open({ sources: ["apps", "nowhere"], onBroken: (one) => broken.push(one) });
    assert.deepEqual(namesIn(catalog), ["one"]);
    assert.deepEqual(broken, catalog.broken());
    const [two, nowhere] = broken;
    assert.equal(two?.source, join(root, "apps", "two"));
    assert.match(two?.message ?? "", /^"app\.ts" can't be loaded as an app: app\.ts:1: /);
    assert.deepEqual(nowhere, {
      source: "nowhere",
      message: 'There is no folder, file or package of apps "nowhere"',
    });
    await assert.rejects(catalog.app("two"), { code: "app_broken" });
  });

  it("tells which apps there are where one is not, the most similar first", async () => {
    for (const name of ["browser", "data-processor", "my-app"]) put(`apps/${name}/app.ts`, source(name));
    const catalog = await open();
    await assert.rejects(catalog.app("data-procesor"), {
      code: "app_not_found",
      message: 'App "data-procesor" does not exist; there are data-processor, browser, my-app',
    });
    await assert.rejects((await open({ sources: [] })).app("a"), {
      message: 'App "a" does not exist; there are none',
    });
  });

  it("puts the operator's app in the place of one that ships, broken or not", async () => {
    put("shipped/one/app.ts", source("one", { description: "shipped" }));
    put("shipped/two/app.ts", source("two", { description: "shipped" }));
    put("apps/my-one/app.ts", source("one", { description: "own" }));
    put("apps/two/app.ts", "throw new Error('no')");
    const catalog = await open({ shipped: join(root, "shipped") });
    assert.deepEqual(
      catalog.apps().map(({ name, description }) => [name, description]),
      [["one", "own"]],
    );
    await assert.rejects(catalog.app("two"), { code: "app_broken" });
  });

  it("runs none of two of the operator's apps with one name, and names both", async () => {
    put("apps/one/app.ts", source("one"));
    put("apps/two/app.ts", source("one", { description: "other" }));
    put("apps/three/app.ts", source("three"));
    const catalog = await open({ sources: ["apps", join(root, "apps")] });
    assert.deepEqual(namesIn(catalog), ["three"]);
    const message = `"${join(root, "apps/one")}" and "${join(root, "apps/two")}" are both called "one"; rename one, or take it away`;
    assert.deepEqual(catalog.broken().slice(0, 2), [
      { source: join(root, "apps/one"), message },
      { source: join(root, "apps/two"), message },
    ]);
    await assert.rejects(catalog.app("one"), { code: "app_broken", message: `App "one" is broken: ${message}` });
  });

  it("refuses links that leave the folder, too many files, and too large ones; a link within is followed", async () => {
    put("apps/links/app.ts", source("links"));
    symlinkSync("/etc/hostname", join(root, "apps/links/hosts"));
    put("apps/loop/app.ts", source("loop"));
    symlinkSync(".", join(root, "apps/loop/again"));
    put("apps/many/app.ts", source("many"));
    for (let i = 0; i < 1_000; i++) writeFileSync(join(root, `apps/many/${i}`), "");
    put("apps/large/app.ts", source("large"));
    put("apps/large/model", "");
    truncateSync(join(root, "apps/large/model"), 64 * 1_024 * 1_024);
    put("apps/within/app.ts", source("within"));
    symlinkSync("app.ts", join(root, "apps/within/same.ts"));
    const catalog = await open();
    const at = (name: string): string => join(root, "apps", name);
    assert.deepEqual(catalog.broken(), [
      { source: at("large"), message: `Cannot read the app in "${at("large")}": its files come to more than 64 MiB` },
      {
        source: at("links"),
        message: `Cannot read the app in "${at("links")}": "hosts" is a link that leaves the folder`,
      },
      { source: at("loop"), message: `Cannot read the app in "${at("loop")}": "again" is a link to what is no file` },
      {
        source: at("many"),
        message: `Cannot read the app in "${at("many")}": it has more than 1000 files and folders`,
      },
    ]);
    assert.deepEqual(namesIn(catalog), ["within"]);
    const copy = catalog.source(await catalog.app("within")).directory;
    assert.equal(readFileSync(join(copy, "same.ts"), "utf8"), source("within"));
  });

  it("keeps the version that a session began with, by its digest or the beginning of it, after restarts too", async () => {
    put("apps/one/app.ts", source("one", { description: "first" }));
    const before = await open();
    const first = await before.app("one");
    await before.keep(first);
    put("apps/one/app.ts", source("one", { description: "second" }));
    const after = await open();
    assert.equal((await after.app("one")).description, "second");
    const [whole, begun] = await Promise.all([
      after.app("one", first.version),
      after.app("one", first.version.slice(0, 8)),
    ]);
    assert.deepEqual([whole.description, begun.description], ["first", "first"]);
    assert.equal(after.source(whole).packageRoots[0], join(root, "apps", "one"));
    assert.equal(described.length, 2);
    for (const version of [first.version.slice(0, 7), "f".repeat(64), "..", ""]) {
      await assert.rejects(after.app("one", version), {
        code: "app_not_found",
        message: `Version "${version}" of app "one" is not here`,
      });
    }
    await assert.rejects(after.app("two", first.version), { code: "app_not_found" });
    rmSync(join(root, "apps"), { recursive: true });
    const without = await open();
    assert.deepEqual(namesIn(without), []);
    assert.equal((await without.app("one", first.version)).description, "first");
  });

  it("never takes half a copy, or one that has changed, for the whole", async () => {
    put("apps/one/app.ts", source("one"));
    put("apps/one/rows.csv", "a\n");
    const { version } = await (await open()).app("one");
    const copy = join(root, "data/apps", version);
    // As a crash leaves it, and a disk that forgets.
    cpSync(copy, `${copy}.0000.part`, { recursive: true });
    rmSync(join(copy, "rows.csv"), { force: true });
    const mended = await open();
    assert.equal((await mended.app("one")).version, version);
    assert.deepEqual(kept(), [version, `${version}.json`]);
    assert.deepEqual(readdirSync(copy).sort(), ["app.ts", "rows.csv"]);
    chmodSync(join(copy, "rows.csv"), 0o600);
    writeFileSync(join(copy, "rows.csv"), "b\n");
    rmSync(join(root, "apps"), { recursive: true });
    await assert.rejects((await open({ sources: [] })).app("one", version), {
      code: "app_broken",
      message: `The files that were kept of version ${version} are damaged`,
    });
  });

  it("removes versions that no session uses, and neither the newest nor what was handed out", async () => {
    const versions: string[] = [];
    for (const description of ["used", "unused", "newest"]) {
      put("apps/one/app.ts", source("one", { description }));
      versions.push((await (await open()).app("one")).version);
    }
    const [used, , newest] = versions;
    const catalog = await open();
    const asked: string[] = [];
    const inUse = async (version: string): Promise<boolean> => {
      asked.push(version);
      return version === used;
    };
    assert.equal(await catalog.collect(inUse), 1);
    assert.deepEqual(asked.sort(), versions.slice(0, 2).sort());
    assert.deepEqual(kept(), [used, newest].flatMap((version) => [`${version}`, `${version}.json`]).sort());
    const app = await catalog.app("one", used);
    assert.equal(await catalog.collect(async () => false), 0);
    assert.ok(existsSync(catalog.source(app).directory));
  });

  it("is there before an app that does not come to its end, and waits for it where it may be what is called", async () => {
    put("apps/one/app.ts", source("one"));
    put("apps/stuck/app.ts", "for (;;);");
    put("apps/late/app.ts", source("later", { before: "await new Promise((resolve) => setTimeout(resolve, 1_500));" }));
    const changes = queue<AppChange>();
    const breaks = queue<BrokenApp>();
    const described = createDescribe({ isolation, timeoutMs: 4_000 });
    const startedMs = performance.now();
    const catalog = await open({
      ...{ describe: described, patienceMs: 500, onChange: changes.push, onBroken: breaks.push },
    });
    assert.ok(performance.now() - startedMs < 4_000);
    assert.deepEqual(catalog.broken(), []);
    assert.equal((await catalog.app("one")).name, "one");
    // What it is called is known once it is loaded.
    assert.equal((await catalog.app("later")).name, "later");
    await catalog.settled();
    assert.equal(catalog.broken().length, 1);
    await assert.rejects(catalog.app("stuck"), { code: "app_broken", message: /did not load within 4 s/ });
    await assert.rejects(catalog.app("none"), { code: "app_not_found" });
    assert.equal((await breaks.items.next()).value.source, join(root, "apps/stuck"));
    assert.deepEqual(namesIn(catalog), ["later", "one"]);
  });

  it("closes without waiting for an app that does not come to its end", async () => {
    put("apps/stuck/app.ts", "for (;;);");
    const catalog = await open({ patienceMs: 100, onBroken: () => assert.fail("nobody wants to know") });
    const startedMs = performance.now();
    await catalog.close();
    assert.ok(performance.now() - startedMs < 10_000);
  });

  it("tells of a directory that can't be used", async () => {
    put("data/apps", "a file");
    await assert.rejects(open(), { code: "store_unavailable" });
  });

  describe("while it watches", () => {
    /** What a catalog told, one after the other. */
    function listen(): {
      readonly options: Partial<CatalogOptions>;
      readonly changes: AsyncIterator<AppChange, never>;
      readonly breaks: AsyncIterator<BrokenApp, never>;
    } {
      const changes = queue<AppChange>();
      const breaks = queue<BrokenApp>();
      return {
        options: { watch: true, onChange: changes.push, onBroken: breaks.push },
        changes: changes.items,
        breaks: breaks.items,
      };
    }

    it("has a new version of an app that is edited, and apps that are added and removed", async () => {
      put("apps/one/app.ts", source("one", { description: "first" }));
      const { options, changes } = listen();
      const catalog = await open(options);
      const first = await catalog.app("one");
      put("apps/one/app.ts", source("one", { description: "second" }));
      const { value } = await changes.next();
      const second = await catalog.app("one");
      assert.deepEqual(value, { name: "one", version: second.version });
      assert.deepEqual(
        [second.description, (await catalog.app("one", first.version)).description],
        ["second", "first"],
      );
      put("apps/space/two/app.ts", source("space/two"));
      assert.equal((await changes.next()).value.name, "space/two");
      rmSync(join(root, "apps/one"), { recursive: true });
      assert.deepEqual((await changes.next()).value, { name: "one" });
      assert.deepEqual(namesIn(catalog), ["space/two"]);
    });

    it("goes on with the last good version of an app that an edit broke, and tells why", async () => {
      put("apps/one/app.ts", source("one"));
      const { options, changes, breaks } = listen();
      const catalog = await open(options);
      const { version } = await catalog.app("one");
      put("apps/one/app.ts", "export const app = 1 +;");
      const { value } = await breaks.next();
      assert.deepEqual([value.source, value.version], [join(root, "apps/one"), version]);
      assert.match(value.message, /^"app\.ts" can't be loaded as an app: /);
      assert.equal((await catalog.app("one")).version, version);
      put("apps/one/app.ts", source("one", { description: "mended" }));
      await changes.next();
      assert.deepEqual(catalog.broken(), []);
      assert.equal((await catalog.app("one")).description, "mended");
    });

    it("sees a single file that an editor puts another in the place of", async () => {
      put("one.ts", source("one"));
      const { options, changes } = listen();
      const catalog = await open({ ...options, sources: ["one.ts"] });
      put("one.ts.new", source("one", { description: "second" }));
      renameSync(join(root, "one.ts.new"), join(root, "one.ts"));
      await changes.next();
      assert.equal((await catalog.app("one")).description, "second");
    });
  });
});

/** Items as they come, to be waited for one after the other. */
function queue<T>(): { readonly push: (item: T) => void; readonly items: AsyncIterator<T, never> } {
  const items: T[] = [];
  let wake = Promise.withResolvers<void>();
  return {
    push: (item) => {
      items.push(item);
      wake.resolve();
    },
    items: {
      next: async () => {
        while (true) {
          const [item] = items.splice(0, 1);
          if (item !== undefined) return { value: item };
          wake = Promise.withResolvers<void>();
          await wake.promise;
        }
      },
    },
  };
}
