// What became of the sessions with a tag: each that failed with its reason, and what all of them keep, also as an artifact.
//   sojourn run review.ts --data data -- pipeline
// In a project of your own, an editor knows the globals by a first line: /// <reference types="sojourn/scripts" />

const [tag = "pipeline"] = args;

const sessions = Session.list({ tags: [tag], sortBy: "created_at" });
const failed = sessions.filter(({ status }) => status === "failed");
const kept = sessions.flatMap(({ id }) => Artifact.list(id));

const review = {
  sessions: sessions.length,
  failed: failed.map(({ name, reason }) => `${name ?? "one without a name"}: ${reason ?? "no reason"}`),
  artifacts: kept.length,
  bytes: kept.reduce((sum, { size }) => sum + size, 0),
};

const id = Session.builder().name("Review").tag("review").metadata({ of: tag }).build();
const artifact = Artifact.store(id, "agent_output", "review.json", JSON.stringify(review), { tags: [tag] });
Session.complete(id);

for (const line of review.failed) print("failed", line);
print(`${review.sessions} sessions, ${review.failed.length} failed, ${review.artifacts} artifacts`);
if (Artifact.get(id, artifact)?.mime_type === undefined) exit(1);
