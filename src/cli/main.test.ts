import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { flagOf, isSecret, NAMED_OPTIONS, variableOf } from "../config/options.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("sojourn", () => {
  let cwd = "";
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), "sojourn-cli-"));
  });
  after(() => rmSync(cwd, { recursive: true }));

  const run = (args: readonly string[], env: Record<string, string> = {}): Ended => {
    return spawnSync(process.execPath, [MAIN, ...args], { cwd, env: { ...process.env, ...env }, encoding: "utf8" });
  };

  it("prints the package's version", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    for (const flag of ["--version", "-V"]) {
      assert.deepEqual(pick(run([flag])), { status: 0, stdout: `${version}\n`, stderr: "" });
    }
  });

  it("lists its commands, and each option of the table", () => {
    const { status, stdout } = run(["--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /^ {2}serve \[options\]/m);
    const help = run(["serve", "--help"]);
    assert.equal(help.status, 0);
    for (const [name, option] of NAMED_OPTIONS) {
      assert.equal(help.stdout.includes(`${flagOf(name)} <`), !isSecret(option), name);
      assert.ok(help.stdout.includes(variableOf(name)), name);
    }
  });

  it("ends with 2 and a hint when it is called wrongly", () => {
    const cases: readonly (readonly [args: readonly string[], hint: RegExp])[] = [
      [["serv"], /unknown command 'serv'\n\(Did you mean serve\?\)/],
      [["serve", "--prot", "1"], /unknown option '--prot'\n\(Did you mean --port\?\)/],
      [["serve", "now"], /too many arguments/],
      [["serve", "--port"], /argument missing/],
      [[], /Usage: sojourn/],
    ];
    for (const [args, hint] of cases) {
      const { status, stdout, stderr } = run(args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, hint);
      assert.equal(stdout, "");
    }
  });

  it("prints wrong calls without what a terminal would obey", () => {
    for (const args of [["\u001b[2J"], ["serve", "--\u001b[2J"], ["artifacts", "list", "a", "--limit", "\u001b[2J"]]) {
      const { status, stderr } = run(args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /\u{fffd}\[2J/u);
      assert.ok(!stderr.includes("\u001b"), JSON.stringify(stderr));
    }
  });

  it("ends with 2 and every fault of the configuration, one a line, with where it came from", () => {
    writeFileSync(join(cwd, "sojourn.toml"), "port = 70000\nmax_sesions = 1\n");
    const { status, stdout, stderr } = run(["serve", "--max-sessions", "0"], { SOJOURN_LOG_LEVEL: "loud" });
    rmSync(join(cwd, "sojourn.toml"));
    assert.deepEqual(
      { status, stdout, stderr: stderr.trimEnd().split("\n") },
      {
        status: 2,
        stdout: "",
        stderr: [
          "sojourn.toml: max_sesions: is not an option; did you mean max_sessions?",
          "sojourn.toml: port: must be a whole number from 0 to 65535, not 70000",
          'SOJOURN_LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
          "--max-sessions: must be a whole number from 1 to 1000000000, not 0",
        ],
      },
    );
  });
});

function pick({ status, stdout, stderr }: Ended): Ended {
  return { status, stdout, stderr };
}
