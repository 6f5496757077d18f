import mime from "mime";
import type { JsonObject } from "../engine/json.ts";
import { ROLES, type Role } from "../engine/message.ts";
import type { Host } from "../engine/runner.ts";
import { FRAME_LIMITS } from "./frame.ts";
import { isTooLarge, type Wire } from "./wire.ts";
import type { CallName } from "./words.ts";

/** How many calls of a task may be under way; while there are as many, its worker is not read. */
const CALLS_MAX = 16;

/** Carries out what an app asks of its session while a task runs. */
export class HostCalls {
  readonly #host: Host;
  readonly #wire: Wire;
  #underWay = 0;
  #isOver = false;
  #go: (() => void) | undefined;

  constructor(host: Host, wire: Wire) {
    this.#host = host;
    this.#wire = wire;
  }

  /** Answers a call, once it is carried out. */
  take(id: number, { name, given, body }: { name: CallName; given: JsonObject; body: Uint8Array | undefined }): void {
    this.#underWay++;
    if (this.#underWay >= CALLS_MAX) this.#go ??= this.#wire.hold();
    const onText = (text: string): void => this.#send({ type: "text", call: id, text });
    performCall(this.#host, name, { given, body, onText })
      .then(
        (answer) => this.#answer(id, answer),
        (error: unknown) => {
          this.#send({ type: "answer", call: id, error: error instanceof Error ? error.message : String(error) });
        },
      )
      .finally(() => {
        this.#underWay--;
        if (this.#underWay < CALLS_MAX) this.#letGo();
      })
      // NOTE: sending does not fail; this is for the linter's peace, and ours.
      .catch(() => {});
  }

  /** The task is over: what is still under way comes to its end, and nobody is told. */
  end(): void {
    this.#isOver = true;
    this.#letGo();
  }

  #answer(id: number, { value, body }: Answer): void {
    const text = JSON.stringify({ type: "answer", call: id, value });
    const isLarge = isTooLarge(text) || (body !== undefined && body.byteLength > FRAME_LIMITS.bodyBytes);
    if (isLarge) this.#send({ type: "answer", call: id, error: "The answer is too large for a worker" });
    else if (!this.#isOver) this.#wire.sendText(text, body);
  }

  #letGo(): void {
    this.#go?.();
    this.#go = undefined;
  }

  #send(message: object, body?: Uint8Array): void {
    if (!this.#isOver) this.#wire.send(message, body);
  }
}

interface Answer {
  readonly value: unknown;
  readonly body: Uint8Array | undefined;
}

interface Given {
  readonly given: JsonObject;
  readonly body: Uint8Array | undefined;
  readonly onText: (text: string) => void;
}

/** Carries out one call, of an app that is not believed to give what the types say. */
export async function performCall(host: Host, name: CallName, { given, body, onText }: Given): Promise<Answer> {
  switch (name) {
    case "workingMemory":
      return answer(await host.workingMemory());
    case "setWorkingMemory":
      return answer(await host.changeWorkingMemory({ set: objectIn(given, "memory") }));
    case "mergeWorkingMemory":
      return answer(await host.changeWorkingMemory({ merge: objectIn(given, "changes") }));
    case "messages":
      return answer(await host.messages(limitIn(given)));
    case "addMessages":
      await host.addMessages(messagesIn(given));
      return answer(null);
    case "chat": {
      const system = given["system"] === undefined ? {} : { system: textIn(given, "system") };
      return answer(await host.chat({ message: textIn(given, "message"), ...system }, onText));
    }
    case "storeArtifact":
      return answer(await host.storeArtifact(descriptionIn(given), body ?? new Uint8Array()));
    case "readArtifact": {
      const read = await host.readArtifact(textIn(given, "which"));
      return answer(read?.artifact ?? null, read?.bytes);
    }
    case "artifacts": {
      const pattern = given["namePattern"] === undefined ? undefined : textIn(given, "namePattern");
      return answer(await host.artifacts(pattern));
    }
  }
}

function answer(value: unknown, body?: Uint8Array): Answer {
  return { value, body };
}

type Description = Parameters<Host["storeArtifact"]>[0];

function descriptionIn(given: JsonObject): Description {
  const { tags = [] } = given;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) throw new Error('"tags" must be texts');
  return {
    name: textIn(given, "name"),
    type: given["type"] === undefined ? "agent_output" : textIn(given, "type"),
    mimeType: given["mimeType"] === undefined ? mimeTypeOf(textIn(given, "name")) : textIn(given, "mimeType"),
    tags,
    metadata: given["metadata"] === undefined ? {} : objectIn(given, "metadata"),
  };
}

const MESSAGES_MAX = 1_000;

function mimeTypeOf(name: string): string {
  // As a path: of a bare word it would take all for an extension.
  return mime.getType(`./${name}`) ?? "application/octet-stream";
}

function limitIn({ limit }: JsonObject): number {
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= MESSAGES_MAX) return limit;
  throw new Error(`"limit" must be an integer from 1 to ${MESSAGES_MAX}`);
}

function messagesIn({ messages }: JsonObject): readonly { readonly role: Role; readonly content: string }[] {
  if (!Array.isArray(messages)) throw new Error("Messages are a list");
  return messages.map((message: unknown) => {
    const { role, content } = (message ?? {}) as { readonly role?: unknown; readonly content?: unknown };
    const known = ROLES.find((name) => name === role);
    if (known === undefined || typeof content !== "string") throw new Error("A message has a role and a content");
    return { role: known, content };
  });
}

function textIn(given: JsonObject, name: string): string {
  const value = given[name];
  if (typeof value !== "string") throw new Error(`"${name}" must be a text`);
  return value;
}

function objectIn(given: JsonObject, name: string): JsonObject {
  const value = given[name];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`"${name}" must be an object`);
  // NOTE: neither null nor a list.
  return value as JsonObject;
}
