/**
 * What a worker runs: it loads one app, and does what the server tells it over the pipe at descriptor 3. Nothing here
 * guards against the app, which shares the process; that is for the sandbox, and for the server, which believes nothing.
 */
import { Socket } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { JsonObject } from "../../engine/json.ts";
import type { Report } from "../../engine/task.ts";
import { definitionOf, describeDefinition } from "../definition.ts";
import { FRAME_LIMITS } from "../frame.ts";
import type { Order, RunOrder } from "../orders.ts";
import { isTooLarge, Wire } from "../wire.ts";
import type { CallName, Word } from "../words.ts";
import { appSession, replayedSession } from "./app-session.ts";
import { keepable, logPrinted, Reports } from "./reports.ts";
import { resolveFor } from "./resolve.ts";
import { messageOf, type Outcome, RunningApp } from "./running-app.ts";
import { tellsTo } from "./tells.ts";
import "./signals.ts";

const NOT_WANTED = new Error("The task is not wanted any more");

const PIPE = 3;

const READ_BYTES = 65_536;

/** How long the text of a crash may be. */
const CRASH_LENGTH_MAX = 4_096;

interface Calling {
  readonly resolve: (answer: { readonly value: unknown; readonly body: Uint8Array | undefined }) => void;
  readonly reject: (error: Error) => void;
  readonly onText: ((text: string) => void) | undefined;
}

/** What a task in hand has. */
interface Task {
  readonly reports: Reports;
  /** Whether it was told to stop. */
  isAborted: boolean;
  /** Made where the app asks for the signal. */
  controller?: AbortController;
  ends?: { readonly reason?: string };
}

let app: RunningApp | undefined;
/** Where its files are, once it is to be loaded. */
let home = "";
let task: Task | undefined;
let nextCall = 1;
const calling = new Map<number, Calling>();

// Read into one place again and again: what a stream allocates for each message takes as long as reading it.
const socket: Socket = new Socket({
  ...{ fd: PIPE, readable: true, writable: true },
  onread: {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length, buffer) => {
      wire.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      return true;
    },
  },
});

const wire: Wire = new Wire(socket, {
  isPushed: true,
  // NOTE: the server writes orders, and nothing else.
  onMessage: (message, body) => {
    take(message as Order, body);
    return undefined;
  },
  onGarbage: () => process.exit(1),
  onEnd: () => process.exit(0),
});

logPrinted((level, text) => task?.reports.log(level, text));
process.on("uncaughtException", (error: unknown) => {
  say({ type: "crash", message: textOf(error).slice(0, CRASH_LENGTH_MAX) });
  process.exit(1);
});

function say(word: Word): void {
  wire.send(word);
}

function take(order: Order, body: Uint8Array | undefined): void {
  if (order.type === "answer") answer(order, body);
  else if (order.type === "text") calling.get(order.call)?.onText?.(order.text);
  else if (order.type === "cancel") abort();
  else follow(order).catch((error: unknown) => queueMicrotask(() => fail(error)));
}

function abort(): void {
  if (task === undefined) return;
  task.isAborted = true;
  task.controller?.abort(NOT_WANTED);
}

function signalOf(taken: Task): AbortSignal {
  taken.controller ??= new AbortController();
  if (taken.isAborted) taken.controller.abort(NOT_WANTED);
  return taken.controller.signal;
}

function answer({ call, value, error }: Extract<Order, { type: "answer" }>, body: Uint8Array | undefined): void {
  const caller = calling.get(call);
  calling.delete(call);
  if (error === undefined) caller?.resolve({ value, body });
  else caller?.reject(new Error(error));
}

async function follow(order: Exclude<Order, { type: "answer" | "text" | "cancel" }>): Promise<void> {
  switch (order.type) {
    case "run":
      return await run(order);
    case "load":
      return await load(order);
    case "begin":
      return await begin(order);
    case "stop":
      return await stop();
  }
}

// What our own code throws is a crash of the worker as well.
function fail(error: unknown): never {
  throw error;
}

async function load(order: Extract<Order, { type: "load" }>): Promise<void> {
  resolveFor(order);
  home = order.directory;
  try {
    const module = (await import(pathToFileURL(join(order.directory, order.entry)).href)) as Readonly<
      Record<string, unknown>
    >;
    const definition = definitionOf(module);
    if ("fault" in definition) return say({ type: "broken", message: keepable(definition.fault) });
    app = new RunningApp(definition);
    const description = order.describes === true ? describeDefinition(definition) : null;
    say({ type: "loaded", description });
  } catch (error) {
    say({ type: "broken", message: textOf(error) });
  }
}

/** What an error says, and where: in the app's own words and files, since who reads it need not know where those lie. */
function textOf(error: unknown): string {
  return `${whereOf(error)}${messageOf(error)}`.replaceAll(`${home}/`, "");
}

/** File and line of the app where an error comes from, as far as its stack tells. */
function whereOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const start = stack.indexOf(home);
  if (home === "" || start < 0) return "";
  const place = /^[^\n)]*?:\d+/.exec(stack.slice(start + home.length + 1));
  return place === null ? "" : `${keepable(place[0])}: `;
}

async function begin(order: Extract<Order, { type: "begin" }>): Promise<void> {
  const begun = takeUp(false);
  const outcome = (await app?.begin(order, signalOf(begun))) ?? notLoaded();
  task = undefined;
  if ("failure" in outcome) return say({ type: "failed", ...outcome.failure });
  say({ type: "begun" });
}

async function run(order: RunOrder): Promise<void> {
  const taken = takeUp(order.isReplay === true);
  const outcome = await perform(order, taken);
  const kept = await app?.snapshot();
  taken.reports.close();
  task = undefined;
  for (const caller of calling.values()) caller.reject(new Error("The task is over"));
  calling.clear();
  const failure = "failure" in outcome ? outcome.failure : kept !== undefined && "failure" in kept && kept.failure;
  const after = [
    failure === false && "made" in outcome && outcome.made !== undefined ? `,"made":${outcome.made}` : "",
    taken.isAborted ? `,"isAborted":true` : "",
    taken.ends === undefined ? "" : `,"ends":${JSON.stringify(taken.ends)}`,
    kept === undefined || "failure" in kept ? "" : `,"snapshot":${kept.output}`,
  ].join("");
  // The outcome is JSON already.
  if (failure === false)
    wire.sendText(`{"type":"done","output":${"output" in outcome ? outcome.output : null}${after}}`);
  else wire.sendText(`${JSON.stringify({ type: "failed", ...failure }).slice(0, -1)}${after}}`);
}

async function perform(order: RunOrder, taken: Task): Promise<Outcome> {
  const tells = tellsTo(taken.reports, (ends) => {
    taken.ends = ends;
  });
  return (
    (await app?.run(order, {
      session: () => {
        const session = appSession(order.session, (name, given, more) => callFor(taken, name, given, more), tells);
        return order.isReplay === true ? replayedSession(session) : session;
      },
      signal: () => signalOf(taken),
      onPartial: tells.output,
    })) ?? notLoaded()
  );
}

function takeUp(isReplay: boolean): Task {
  task = {
    reports: new Reports(isReplay ? () => {} : (report: Report) => say({ type: "report", report })),
    isAborted: false,
  };
  return task;
}

function callFor(
  taken: Task,
  name: CallName,
  given: JsonObject,
  { body, onText }: { readonly body?: Uint8Array; readonly onText?: ((text: string) => void) | undefined } = {},
): Promise<{ readonly value: unknown; readonly body: Uint8Array | undefined }> {
  return new Promise((resolve, reject) => {
    if (task !== taken) return reject(new Error("The task is over; only while it runs it may use its session"));
    const id = nextCall++;
    const text = JSON.stringify({ type: "call", id, name, given });
    if (isTooLarge(text) || (body !== undefined && body.byteLength > FRAME_LIMITS.bodyBytes))
      return reject(new Error("That is too large for one call of the session"));
    calling.set(id, { resolve, reject, onText });
    wire.sendText(text, body);
  });
}

async function stop(): Promise<void> {
  try {
    await app?.stop();
  } finally {
    process.exit(0);
  }
}

function notLoaded(): Outcome {
  return { failure: { code: "app_failed", message: "The app is not loaded" } };
}
