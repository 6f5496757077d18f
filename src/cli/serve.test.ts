import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

describe("sojourn serve", () => {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-serve-"));
  after(() => rmSync(directory, { recursive: true }));

  const start = (name: string, ...given: readonly (string | Record<string, string>)[]): Server => {
    const data = join(directory, name);
    const args = given.filter((arg) => typeof arg === "string");
    const env = Object.assign({ ...process.env }, ...given.filter((arg) => typeof arg !== "string"));
    const child = spawn(
      process.execPath,
      [MAIN, "serve", "--port", "0", "--data", data, "--log-level", "silent", ...args],
      {
        cwd: directory,
        env,
      },
    );
    return new Server(child);
  };

  it("says where it listens and what to try, and what it says works", async () => {
    await using server = start("banner");
    const url = await server.url();
    assert.match(server.stdout, /Data is kept in \.\/banner\n/);
    assert.match(server.stdout, /Ctrl\+C stops the server/);
    const [, path = "", body = ""] = /curl -X POST \S+?(\/api\S+) .* -d '(.+)'/.exec(server.stdout) ?? [];
    const headers = { "Content-Type": "application/json" };
    assert.equal((await fetch(url + path, { method: "POST", headers, body })).status, 201);
    assert.ok(server.stdout.includes(`${url}/api/v1/docs`));
    assert.equal((await fetch(`${url}/api/v1/docs`)).status, 200);
    assert.ok(server.stdout.includes(`${url}/docs\n`));
    assert.equal((await fetch(`${url}/docs`)).status, 200);
  });

  it("keeps nothing where its storage is temporary, says so, and leaves nothing behind", async () => {
    const temporary = join(directory, "tmp");
    mkdirSync(temporary);
    await using server = start("unused", "--storage", "temporary", { TMPDIR: temporary });
    await server.url();
    assert.match(server.stdout, /Data is kept nowhere: it goes when the server stops\n/);
    const own = (): readonly string[] => readdirSync(temporary).filter((name) => name.startsWith("sojourn-"));
    assert.equal(own().length, 1);
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, [0, null]);
    assert.deepEqual(own(), []);
    assert.equal(existsSync(join(directory, "unused")), false);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`stops in order on ${signal}, with one line and 0`, async () => {
      await using server = start(signal);
      await server.url();
      const before = server.stdout.length;
      server.child.kill(signal);
      assert.deepEqual(await server.ended, [0, null]);
      assert.match(server.stdout.slice(before), new RegExp(`^Stopping on ${signal}: .+\n$`));
      assert.equal(server.stderr, "");
    });
  }

  it("counts a signal that comes twice at once as one", async () => {
    await using server = start("echo");
    await server.url();
    server.child.kill("SIGINT");
    server.child.kill("SIGINT");
    assert.deepEqual(await server.ended, [0, null]);
  });

  it("ends at once with 1 on a second signal while a request keeps it from stopping", async () => {
    await using server = start("second");
    const { hostname, port } = new URL(await server.url());
    const request = connect(Number(port), hostname);
    request.on("error", () => {});
    request.write("POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    await new Promise((sent) => request.write("Content-Length: 100\r\nExpect: 100-continue\r\n\r\n{", sent));
    // The answer to "Expect" shows that the request is in hand.
    await once(request, "data");
    server.child.kill("SIGINT");
    await server.printed("Stopping");
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, [1, null]);
    request.destroy();
  });

  it("goes on when nobody reads what it prints", async () => {
    await using server = start("pipe");
    const url = await server.url();
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    assert.equal((await fetch(`${url}/api/v1/docs`)).status, 200);
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, [0, null]);
  });

  it("ends with 1 and one line when the port is taken", async () => {
    await using other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await using server = start("taken", "--port", `${port}`);
    assert.deepEqual(await server.ended, [1, null]);
    assert.match(server.stderr, new RegExp(`^Cannot listen on 127.0.0.1 port ${port}: .+--port.+\n$`));
  });

  it("ends with 1 and one line when there are no apps where it is told to look", async () => {
    await using server = start("lost", "--apps", "nowhere");
    assert.deepEqual(await server.ended, [1, null]);
    assert.equal(server.stderr, 'There is no folder, file or package of apps "nowhere"\n');
  });

  it("ends with 1 and one line when another server has the data", async () => {
    await using first = start("shared");
    await first.url();
    await using second = start("shared");
    assert.deepEqual(await second.ended, [1, null]);
    assert.match(second.stderr, /^[^\n]+--data\n$/);
  });
});

class Server {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    this.ended = once(child, "close");
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
  }

  /** Where it listens, as soon as the whole banner was printed. */
  async url(): Promise<string> {
    await this.printed("Ctrl+C");
    return /http:\/\/\S+/.exec(this.stdout)?.[0] ?? "";
  }

  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      const end = await Promise.race([once(this.child.stdout ?? this.child, "data"), this.ended.then(() => undefined)]);
      if (end === undefined) throw new Error(`The server ended before it printed "${text}": ${this.stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
