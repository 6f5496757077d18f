/** Files of a session: store them in whatever form, read them whole or in part, find them, share them with another. */
import { connect, SojournError } from "sojourn/client";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const session = await sojourn.sessions.create({ sessionId: "analyst" });
const { artifacts } = session;

// Text, bytes, a Blob: what is at hand is sent again when a connection fails.
const report = await artifacts.store("report.md", "# Sales\n\nUp.", {
  type: "agent_output",
  tags: ["sales"],
  metadata: { quarter: 3 },
});
console.log(`${report.name} ${report.version}: ${report.mimeType}, ${report.size} bytes`);

// A stream goes as it comes, so that it may be larger than memory; it is sent once.
async function* rows(): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let day = 1; day <= 30_000; day++) yield encoder.encode(`${day};${day * 7}\n`);
}
let sent = 0;
const table = await artifacts.store("sales.csv", rows(), {
  type: "tool_result",
  tags: ["sales", "table"],
  onProgress: ({ done }) => {
    sent = done;
  },
});
console.log(`${sent} bytes sent, kept in fewer: ${table.isCompressed}`);

// Whole, as it comes, or in part.
console.log((await report.text()).split("\n")[0]);
let lines = 0;
for await (const piece of table.stream()) lines += piece.filter((byte) => byte === 10).length;
console.log(`${lines} lines`);
for await (const piece of table.stream({ start: -12 })) console.log(new TextDecoder().decode(piece).trimEnd());

// The same name again is the next version. No version ever changes.
const next = await artifacts.store("report.md", "# Sales\n\nUp, and up.", { type: "agent_output", tags: ["sales"] });
console.log(`version ${next.version}, after ${next.previousHash === report.contentHash ? "the first" : "another"}`);

// Newest first, by type, tags, name, size and time.
for (const found of await artifacts.query({ namePattern: "*.md" })) console.log(`${found.name} ${found.version}`);
for await (const found of artifacts.list({ tags: ["sales", "table"], minSize: 1_000 })) console.log(found.name);

// Shared with another session, and with nobody else; the log of the owner has every access.
const writer = await sojourn.sessions.create({ sessionId: "writer" });
await artifacts.grant(report.artifactId, writer, "read");
const asWriter = sojourn.actingAs(writer);
const seen = await asWriter.artifactsOf(session).get(report.artifactId);
console.log(`the writer reads: ${(await seen.text()).length} characters`);
try {
  await asWriter.artifactsOf(session).delete(report.artifactId);
} catch (error) {
  if (!(error instanceof SojournError && error.code === "forbidden")) throw error;
  console.log("the writer may not delete it");
}
for await (const { inputs, status } of session.operations({ kind: "artifact.accessed" })) {
  console.log(`${inputs?.needed}: ${status}`);
}

await artifacts.revoke(report.artifactId, writer);
await artifacts.delete(table.artifactId);
console.log(`left: ${session.usage.artifactCount} artifacts, ${session.usage.artifactBytes} bytes`);
