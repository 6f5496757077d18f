import { after } from "node:test";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

/** A server for all tests of a suite, which ends with it, and a client of it. */
export async function serverOfSuite(): Promise<{ readonly server: TestServer; readonly api: Api }> {
  const server = await startServer();
  after(() => server[Symbol.asyncDispose]());
  return { server, api: new Api(server.url) };
}
