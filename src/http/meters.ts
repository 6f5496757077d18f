import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Admission } from "./admission.ts";

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

  /** Shows how many connections and requests there are, each time that someone looks. */
  watch(admission: Admission): void {
    this.#show("sojourn_http_connections", "Connections that are open", () => admission.connections);
    this.#show("sojourn_http_requests_in_hand", "Requests that are not answered yet", () => admission.requestsInHand);
    const help = "Bytes of the bodies of requests that are not answered yet";
    this.#show("sojourn_http_body_bytes_in_hand", help, () => admission.bodyBytesInHand);
  }

  #show(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }

  /** Counts an open event stream, until the returned function is called. */
  openStream(): () => void {
    this.#streams.inc();
    return () => this.#streams.dec();
  }
}
