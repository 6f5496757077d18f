import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import { appCommands } from "./app-commands.ts";
import { artifactCommands } from "./artifact-commands.ts";
import type { Run } from "./command-options.ts";
import { eventCommands } from "./event-commands.ts";
import { historyCommands } from "./history-commands.ts";
import { keyCommands } from "./key-commands.ts";
import { logCommands } from "./log-commands.ts";
import { memoryCommands } from "./memory-commands.ts";
import { objectCommands } from "./object-commands.ts";
import { shownLines } from "./print.ts";
import { scriptCommands } from "./script-commands.ts";
import { safetyCommands, serveCommands } from "./server-commands.ts";
import { sessionCommands } from "./session-commands.ts";
import { taskCommands } from "./task-commands.ts";
import { templateCommands } from "./template-commands.ts";
import { topicCommands } from "./topic-commands.ts";
import { webhookCommands } from "./webhook-commands.ts";

/** What can be called, and how. */
export function buildProgram(version: string, run: Run): Command {
  const program = new Command("sojourn")
    .description("The session server for AI agents and stateful workflows")
    .version(version, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .exitOverride()
    // What is wrong with a call is quoted, and may have come from elsewhere, as the names of files do.
    .configureOutput({ outputError: (text, write) => write(shownLines(text)) })
    .showHelpAfterError("Run with --help to see what is possible")
    .addHelpText(
      "after",
      `
Commands on sessions talk to a running server: the one at --url or SOJOURN_URL, with the key in SOJOURN_API_KEY. With
--data they open the store of a server that is not running, and need no key.

It ends with 0 when all went well, 1 when something failed or is not whole, 2 when it was called wrongly, 3 when something
was not found, 4 when a key is missing or not enough, 5 when nobody answers, 130 when it was interrupted.`,
    );
  serveCommands(program, run);
  memoryCommands(program, run);
  sessionCommands(
    program.command("sessions").description("Create, list, show, suspend, resume, end, delete and clean up sessions"),
    run,
  );
  artifactCommands(program.command("artifacts").description("Store, read, share and remove files of sessions"), run);
  objectCommands(program, run);
  taskCommands(program, run);
  templateCommands(
    program.command("templates").description("Set, show, list and remove defaults for new sessions"),
    run,
  );
  eventCommands(program, run);
  webhookCommands(program.command("webhooks").description("Have events brought to an address, signed"), run);
  scriptCommands(program, run);
  topicCommands(program.command("topics").description("Publish messages, read, follow and acknowledge them"), run);
  appCommands(program.command("apps").description("Write, check and list apps"), run);
  logCommands(program, run);
  historyCommands(program, run);
  keyCommands(program.command("keys").description("Make, list, revoke and disable API keys"), run);
  safetyCommands(program, run);
  tab(program);
  return program;
}
