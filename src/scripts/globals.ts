/** What scripts can call, as `Global.function`, beside what their language has. Each has a name in snake case as well. */
export const GLOBALS = {
  Session: [
    "create",
    "get",
    "list",
    "suspend",
    "resume",
    "complete",
    "fail",
    "delete",
    "save",
    "load",
    "setCurrent",
    "getCurrent",
    "canReplay",
    "replay",
    "getReplayMetadata",
    "listReplayable",
  ],
  Artifact: ["store", "storeFile", "get", "list", "query", "delete"],
  Replay: ["run", "verify", "canReplay", "getMetadata", "list", "createConfig"],
  Tool: ["execute", "list", "exists"],
  State: ["get", "set", "save", "load", "delete", "listKeys"],
  Topic: ["publish", "messages", "receive", "acknowledge"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Globals = typeof GLOBALS;

/** The name of a function that the host answers. */
export type CallName = { [G in keyof Globals]: `${G}.${Globals[G][number]}` }[keyof Globals];

/** The call that gives a thread a file of the script's folder. */
export const READ_MODULE = "module";

/** `getCurrent` as `get_current`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
