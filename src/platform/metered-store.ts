import { Counter, Histogram, type Registry } from "prom-client";
import type { Commit, Committed, Store } from "../engine/store.ts";

/** The store with counters of what it writes, in `registry`. */
export function meteredStore(store: Store, registry: Registry): Store {
  const registers = [registry];
  const operations = new Counter({
    name: "sojourn_operations_total",
    help: "Operations appended, by kind",
    labelNames: ["kind"],
    registers,
  });
  const duration = new Histogram({
    name: "sojourn_store_commit_duration_seconds",
    help: "Time from a commit's hand-over until it is durable or refused",
    labelNames: ["outcome"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });

  const commit = async (step: Commit): Promise<Committed> => {
    const started = performance.now();
    const observe = (outcome: string): void => duration.observe({ outcome }, (performance.now() - started) / 1_000);
    try {
      const committed = await store.commit(step);
      observe(committed.outcome);
      if (committed.outcome === "committed") count(step);
      return committed;
    } catch (error) {
      observe("failed");
      throw error;
    }
  };
  const count = ({ parts }: Commit): void => {
    for (const part of parts) {
      if (part.change === "append") for (const { operation } of part.entries) operations.inc({ kind: operation.kind });
    }
  };

  return {
    commit,
    stream: (ref) => store.stream(ref),
    stored: (ref) => store.stored(ref),
    named: (tenant, sessionId) => store.named(tenant, sessionId),
    remembered: (key, now) => store.remembered(key, now),
    access: () => store.access(),
    key: (id) => store.key(id),
    keys: (query) => store.keys(query),
    list: (query) => store.list(query),
    aggregate: (filter) => store.aggregate(filter),
    operations: (ref, range) => store.operations(ref, range),
    messages: (ref, range) => store.messages(ref, range),
    artifact: (ref, id) => store.artifact(ref, id),
    artifacts: (ref, query) => store.artifacts(ref, query),
    grants: (ref, artifactId) => store.grants(ref, artifactId),
    permission: (ref, artifactId, grantee) => store.permission(ref, artifactId, grantee),
    content: (tenant, digest) => store.content(tenant, digest),
    body: (tenant, digest) => store.body(tenant, digest),
    abandoned: (limit) => store.abandoned(limit),
    inUse: (files) => store.inUse(files),
    snapshot: (ref, seq) => store.snapshot(ref, seq),
    view: (ref, view, seq) => store.view(ref, view, seq),
    ended: (query) => store.ended(query),
    unsettled: (limit) => store.unsettled(limit),
    tenants: (page) => store.tenants(page),
    overdue: (now, limit) => store.overdue(now, limit),
    scrub: () => store.scrub(),
    watch: (from) => store.watch(from),
    close: () => store.close(),
  };
}
