import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What became of one request. */
export interface Accounted {
  readonly method: string;
  /** The route's pattern, never the path, so that the number of series is bounded. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** The server's metrics, in Prometheus' format at `/metrics`. */
export class Meters {
  readonly registry = new Registry();
  readonly #duration = new Histogram({
    name: "sojourn_http_request_duration_seconds",
    help: "Time from a request's arrival to its answer's first byte",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  readonly #streams = new Gauge({
    name: "sojourn_http_event_streams",
    help: "Event streams that are open",
    registers: [this.registry],
  });
  readonly #series = new Map<string, { observe(value: number): void }>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts one answered request. */
  account({ method, route, status, seconds }: Accounted): void {
    const key = `${method} ${route} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#duration.labels(method, route, String(status));
      this.#series.set(key, series);
    }
    series.observe(seconds);
  }

  /** Counts an open event stream, until the returned function is called. */
  openStream(): () => void {
    this.#streams.inc();
    return () => this.#streams.dec();
  }
}
