import { Counter, Histogram, type Registry } from "prom-client";
import type { Commit, Committed, Store } from "../engine/store.ts";
import { aroundCommits } from "./around-commits.ts";

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

  const around = async (step: Commit, commit: Store["commit"]): Promise<Committed> => {
    const started = performance.now();
    const observe = (outcome: string): void => duration.observe({ outcome }, (performance.now() - started) / 1_000);
    try {
      const committed = await commit(step);
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

  return aroundCommits(store, around);
}
