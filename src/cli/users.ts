import { createInterface } from "node:readline";
import type { Profile, Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, moment, printJson, shown, size, table } from "./print.ts";
import { wireErased, wireProfile } from "./wire.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn users show`. */
export async function showUser(sojourn: Sojourn, id: string, { json }: ForPrograms): Promise<ExitCode> {
  const profile = await sojourn.users.profile(id);
  if (json) {
    printJson(wireProfile(profile));
    return EXIT.ok;
  }
  const { userId, updatedAt } = profile;
  const rows = [["user", userId], ...styleRows(profile), ["changed", moment(updatedAt) || "never"]];
  console.log(table([], rows));
  return EXIT.ok;
}

/** How a user likes to be answered, with what of it was learned. */
export function styleRows({ verbosity, tone, depth, preferences, origins }: Profile): readonly (readonly string[])[] {
  const values = { verbosity, tone, depth };
  const row = (name: string, value: unknown, origin = origins[name]): readonly string[] => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
    origin ?? "default",
  ];
  return [
    ...Object.entries(values).map(([name, value]) => row(name, value)),
    ...Object.entries(preferences).map(([name, value]) => row(name, value, origins[`preferences.${name}`])),
  ];
}

/** `sojourn users erase`. Asks first, on a terminal; elsewhere `yes` must say that it is meant. */
export async function eraseUser(
  sojourn: Sojourn,
  id: string,
  { yes = false, json }: ForPrograms & { readonly yes?: boolean },
): Promise<ExitCode> {
  if (!yes) {
    if (!process.stdin.isTTY) {
      throw new SojournError("invalid", { message: "This can't be undone; give --yes if you mean it" });
    }
    const answer = await ask(`This removes all sessions of ${shown(id)}, and can't be undone. Type the id again: `);
    if (answer !== id) {
      console.error("Nothing was erased");
      return EXIT.failed;
    }
  }
  const erased = await sojourn.users.erase(id);
  if (json) printJson(wireErased(erased));
  else {
    const { userId, sessions, operations, messages, summaries, facts, artifacts, artifactBytes, profile } = erased;
    const summaryCount = `${summaries} ${summaries === 1 ? "summary" : "summaries"}`;
    const all = [
      count(sessions, "session"),
      count(operations, "operation"),
      count(messages, "message"),
      summaryCount,
      count(facts, "fact"),
      artifacts === 0 ? "0 artifacts" : `${count(artifacts, "artifact")} of ${size(artifactBytes)}`,
    ];
    console.log(`${shown(userId)}: ${all.join(", ")} and ${profile ? "the profile" : "no profile"} erased`);
    console.error("Backups that were taken before still have them.");
  }
  return EXIT.ok;
}

/** The line that is typed; `undefined` where none is. */
async function ask(question: string): Promise<string | undefined> {
  const input = createInterface({ input: process.stdin, output: process.stderr });
  try {
    input.setPrompt(question);
    input.prompt();
    for await (const line of input) return line;
    return undefined;
  } finally {
    input.close();
  }
}
