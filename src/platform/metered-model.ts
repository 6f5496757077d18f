import { Counter, Histogram, type Registry } from "prom-client";
import type { Model, Piece, Usage } from "../memory/model.ts";

/** The model with counters of what it is asked and what it takes, in `registry`. */
export function meteredModel(model: Model, registry: Registry): Model {
  const registers = [registry];
  const duration = new Histogram({
    name: "sojourn_model_duration_seconds",
    help: "Time from a question to the end of its answer, its retries included",
    labelNames: ["call", "outcome"],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  });
  const tokens = new Counter({
    name: "sojourn_model_tokens_total",
    help: "Tokens that the model took in and gave out, where it tells",
    labelNames: ["direction"],
    registers,
  });
  const take = (usage: Usage | undefined): void => {
    if (usage === undefined) return;
    tokens.inc({ direction: "input" }, usage.inputTokens);
    tokens.inc({ direction: "output" }, usage.outputTokens);
  };

  async function* answer(...asked: Parameters<Model["answer"]>): AsyncGenerator<Piece> {
    const observe = duration.startTimer({ call: "answer" });
    let outcome = "failed";
    try {
      for await (const piece of model.answer(...asked)) {
        if (piece.piece === "end") {
          outcome = "completed";
          take(piece.usage);
        }
        yield piece;
      }
    } finally {
      observe({ outcome });
    }
  }

  const summarize: Model["summarize"] = async (...asked) => {
    const observe = duration.startTimer({ call: "summarize" });
    let outcome = "failed";
    try {
      const summary = await model.summarize(...asked);
      outcome = "completed";
      take(summary.usage);
      return summary;
    } finally {
      observe({ outcome });
    }
  };

  return { name: model.name, isLanguageModel: model.isLanguageModel, answer, summarize };
}
