import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AppDefinition } from "../app-format/app.ts";
import { SojournError } from "../engine/errors.ts";
import { computedFaults } from "../engine/limits.ts";
import type { Making } from "../engine/object.ts";
import type { App, Job, Ran } from "../engine/runner.ts";
import type { AppSource } from "./app-source.ts";
import { checkedApp } from "./checked-app.ts";
import { definitionOf } from "./definition.ts";
import { Ending, late } from "./ending.ts";
import { performCall } from "./host-calls.ts";
import { OUTPUT_BYTES_MAX } from "./orders.ts";
import { interrupted, ranTo } from "./outcome.ts";
import { appSession } from "./runtime/app-session.ts";
import { Reports } from "./runtime/reports.ts";
import { resolveFor } from "./runtime/resolve.ts";
import { messageOf, type Outcome, RunningApp } from "./runtime/running-app.ts";
import { tellsTo } from "./runtime/tells.ts";
import { firstFault } from "./zod-faults.ts";

/**
 * Runs apps in this process, without any guard: only those that the operator trusts. They have no state, and what runs too
 * long can't be ended; its caller is told, and it goes on.
 */
export class ServerRunner {
  readonly #sourceOf: (app: App) => AppSource;
  readonly #trusted: ReadonlySet<string>;
  readonly #loaded = new Map<string, Promise<AppDefinition>>();
  readonly #checked = new Map<string, App>();

  constructor({ sourceOf, trusted }: { sourceOf: (app: App) => AppSource; trusted: readonly string[] }) {
    this.#sourceOf = sourceOf;
    this.#trusted = new Set(trusted);
  }

  /** @throws {SojournError} `app_broken` for an app that the operator does not trust */
  assertTrusted({ name }: App): void {
    if (this.#trusted.has(name)) return;
    const message = `App "${name}" asks to run in the server itself, and is not among the trusted_apps of the configuration`;
    throw new SojournError("app_broken", { message });
  }

  /**
   * The app, which says itself what is wrong with an input.
   *
   * @throws {SojournError} `app_broken` for a module that can't be loaded, and as `assertTrusted` does
   */
  async checked(app: App): Promise<App> {
    this.assertTrusted(app);
    const known = this.#checked.get(app.version);
    if (known !== undefined) return known;
    const checked = checkedApp(app, await this.#load(app));
    this.#checked.set(app.version, checked);
    return checked;
  }

  /** See `Runner.run`. */
  async run(job: Job): Promise<Ran> {
    this.assertTrusted(job.app);
    const ending = new Ending(job);
    const controller = new AbortController();
    try {
      const isOver = new Promise<undefined>((resolve) => ending.onCause(() => resolve(undefined)));
      ending.onCause(() => controller.abort(new Error("The task is not wanted any more")));
      const app = await this.#load(job.app);
      return (
        (await Promise.race([perform(app, { job, ending, signal: controller.signal }), isOver])) ?? over(job, ending)
      );
    } finally {
      ending.close();
    }
  }

  #load(app: App): Promise<AppDefinition> {
    const known = this.#loaded.get(app.version);
    if (known !== undefined) return known;
    const loading = load(this.#sourceOf(app));
    this.#loaded.set(app.version, loading);
    loading.catch(() => this.#loaded.delete(app.version));
    return loading;
  }
}

async function load(source: AppSource): Promise<AppDefinition> {
  resolveFor(source);
  const definition = definitionOf(await moduleOf(source));
  if ("fault" in definition)
    throw new SojournError("app_broken", { message: `"${source.entry}": ${definition.fault}` });
  return definition;
}

async function moduleOf({ directory, entry }: AppSource): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(join(directory, entry)).href);
  } catch (cause) {
    const message = `"${entry}" can't be loaded in the server: ${messageOf(cause)}`;
    throw new SojournError("app_broken", { message, cause });
  }
}

async function perform(
  definition: AppDefinition,
  { job, ending, signal }: { readonly job: Job; readonly ending: Ending; readonly signal: AbortSignal },
): Promise<Ran> {
  const { host, setup, taskId, action, input, objects } = job;
  const app = new RunningApp(definition);
  const reports = new Reports((report) => ending.cause === undefined && host.report(report));
  let ends: Ran["ends"];
  const tells = tellsTo(reports, (wanted) => {
    ends = wanted;
  });
  const session = appSession(
    host.session,
    (name, given, { body, onText = () => {} } = {}) => performCall(host, name, { given, body, onText }),
    tells,
  );
  const begun = await app.begin({ type: "begin", ...(setup === undefined ? {} : { setup }) }, signal);
  const order = { taskId, action, input, objects, outputBytesMax: OUTPUT_BYTES_MAX };
  const outcome =
    "failure" in begun
      ? begun
      : await app.run(order, { session: () => session, signal: () => signal, onPartial: tells.output });
  const ran = ranTo({ ...wordFor(outcome), ...(ends === undefined ? {} : { ends }) }, { job, ending });
  return { ...ran, staysWarm: false };
}

function wordFor(outcome: Outcome): Parameters<typeof ranTo>[0] {
  if ("failure" in outcome) return { type: "failed", ...outcome.failure };
  const output = JSON.parse(outcome.output);
  const faults = computedFaults(output, "output");
  // NOTE: what was made has been looked at as it was made, in this process.
  const made: { readonly made?: readonly Making[] } =
    outcome.made === undefined ? {} : { made: JSON.parse(outcome.made) };
  if (faults.length === 0) return { type: "done", output, ...made };
  return { type: "failed", code: "app_failed", message: `What the app made can't be kept: ${firstFault(faults)}` };
}

function over(job: Job, ending: Ending): Ran {
  const ran = interrupted(job, ending, "");
  if (ran.status === "canceled") return ran;
  return { ...ran, error: { code: "timed_out", message: `Timed out: ${late(job)}` } };
}
