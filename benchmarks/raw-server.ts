/** The bare Hono app: the same routes, the same bodies, and nothing behind them. Takes the bodies as arguments. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";

const [get = "", post = ""] = process.argv.slice(2);
const json = { "content-type": "application/json; charset=utf-8" };

const app = new Hono();
app.get("/api/v1/sessions/:id", () => new Response(get, { headers: json }));
app.post("/api/v1/sessions/:id/metrics", async (c) => {
  await c.req.json();
  return new Response(post, { headers: json });
});

const server = createServer(getRequestListener(app.fetch));
server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 }, () => {
  // NOTE: a server that listens on TCP has an address and a port.
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`http://127.0.0.1:${port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
