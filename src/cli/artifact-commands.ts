import { type Command, Option } from "commander";
import type { Artifacts, ByteSpan, JsonObject, Moment, Permission } from "../client/index.ts";
import { AT, bytes, date, jsonObject, limit, moment, range, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import type { ExitCode } from "./exit.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

const TYPES = "user_input, tool_result, agent_output, system_generated, or a word of your own";

const PERMISSIONS: readonly Permission[] = ["read", "write", "admin"];

/** Adds the commands on the files of sessions. */
export function artifactCommands(group: Command, run: Run): void {
  const act = async (
    id: string,
    { as, ...reach }: Reaching,
    work: (artifacts: Artifacts, signal: AbortSignal) => Promise<ExitCode>,
  ): Promise<void> =>
    await run(() =>
      untilInterrupted((signal) =>
        onSessions({ ...reach, needsRules: true }, async (sojourn) => {
          const acting = as === undefined ? sojourn : sojourn.actingAs(as);
          return await work(acting.artifactsOf(id), signal);
        }),
      ),
    );
  reaching(group.command("put <id> <files...>").description("Store files as artifacts; - is standard input"))
    .option("--name <name>", "What it is called (default: as the file)")
    .option("--type <type>", `What made it: ${TYPES}`, "user_input")
    .option("--mime-type <type>", "Its media type (default: by the name)")
    .option("--tag <tag>", "A tag; again, or with commas, for more", words)
    .option("--metadata <json>", "A JSON object", jsonObject)
    .action(
      async (id: string, files: readonly string[], { tag: tags, ...flags }: PutFlags & Reaching, own: Command) => {
        if (flags.name !== undefined && files.length > 1) own.error("error: --name is for one file");
        if (flags.name === undefined && files.includes("-")) own.error("error: standard input needs a --name");
        await act(id, flags, async (artifacts, signal) =>
          (await import("./artifacts.ts")).putArtifacts(artifacts, files, { ...flags, tags, signal }),
        );
      },
    );
  reaching(group.command("get <id> <artifact>").description("Print or save an artifact"), { json: false })
    .option("-o, --output <file>", "Save it there, once it is whole; - prints whatever it is")
    .option("--range <range>", "Only these bytes: 0-99, 100-, or -100 for the last 100", range)
    .option("--at <moment>", AT, moment)
    .addHelpText("after", BY_NAME)
    .action(async (id: string, wanted: string, flags: GetFlags & Reaching) => {
      await act(id, flags, async (artifacts, signal) =>
        (await import("./artifact-content.ts")).getArtifact(artifacts, wanted, { ...flags, signal }),
      );
    });
  reaching(group.command("show <id> <artifact>").description("Show what is known of an artifact"))
    .option("--at <moment>", AT, moment)
    .addHelpText("after", BY_NAME)
    .action(async (id: string, wanted: string, flags: { at?: Moment } & Reaching) => {
      await act(id, flags, async (artifacts, signal) =>
        (await import("./artifacts.ts")).showArtifact(artifacts, wanted, { ...flags, signal }),
      );
    });
  reaching(group.command("list <id>").description("List artifacts, the newest first"))
    .option("--type <type>", "Only of this type")
    .option("--tag <tag>", "Only with this tag; again for each that must be there", words)
    .option("--name <name>", "Only versions of this name")
    .option("--pattern <pattern>", "Only names such as '*.csv': * for any characters, ? for one, [a-z] for one of some")
    .option("--created-after <time>", "Only those stored at or after it", date)
    .option("--created-before <time>", "Only those stored at or before it", date)
    .option("--min-size <bytes>", "Only those that are as large: 4096, 64KiB, 1.5GiB", bytes)
    .option("--max-size <bytes>", "Only those that are no larger", bytes)
    .option("--at <moment>", AT, moment)
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .action(async (id: string, { url, data, tenant, as, tag: tags, pattern, ...flags }: ListFlags & Reaching) => {
      const query = { ...flags, tags, namePattern: pattern };
      await act(id, { url, data, tenant, as }, async (artifacts, signal) =>
        (await import("./artifacts.ts")).listArtifacts(artifacts, { ...query, signal }),
      );
    });
  reaching(group.command("rm <id> <artifacts...>").description("Remove artifacts, by their ids")).action(
    async (id: string, ids: readonly string[], flags: Reaching) =>
      await act(id, flags, async (artifacts) =>
        (await import("./artifacts.ts")).removeArtifacts(artifacts, ids, flags),
      ),
  );
  sharingCommands(group, act);
}

type Act = (
  id: string,
  flags: Reaching,
  work: (artifacts: Artifacts, signal: AbortSignal) => Promise<ExitCode>,
) => Promise<void>;

function sharingCommands(group: Command, act: Act): void {
  reaching(group.command("grant <id> <artifact> <session>").description("Share an artifact with another session"))
    .addOption(
      new Option("--permission <permission>", "Each includes those before it").choices(PERMISSIONS).default("read"),
    )
    .action(async (id: string, artifact: string, grantee: string, flags: { permission: Permission } & Reaching) => {
      await act(id, flags, async (artifacts) =>
        (await import("./artifacts.ts")).grantArtifact(artifacts, artifact, { ...flags, grantee }),
      );
    });
  reaching(
    group.command("revoke <id> <artifact> <session>").description("End the sharing of an artifact with a session"),
  ).action(
    async (id: string, artifact: string, grantee: string, flags: Reaching) =>
      await act(id, flags, async (artifacts) =>
        (await import("./artifacts.ts")).revokeArtifact(artifacts, artifact, { ...flags, grantee }),
      ),
  );
  reaching(
    group.command("grants <id> <artifact>").description("List the sessions that an artifact is shared with"),
  ).action(
    async (id: string, artifact: string, flags: Reaching) =>
      await act(id, flags, async (artifacts) =>
        (await import("./artifacts.ts")).listGrants(artifacts, artifact, flags),
      ),
  );
}

const BY_NAME = "\nAn artifact is named by its id, or by its name, which means the newest version.";

type Reaching = Common & { readonly as?: string | undefined };

function reaching(command: Command, options: { readonly json?: boolean } = {}): Command {
  return common(command, options).option("--as <session>", "With the rights of this session, and no more");
}

interface PutFlags {
  readonly name?: string;
  readonly type: string;
  readonly mimeType?: string;
  readonly tag?: readonly string[];
  readonly metadata?: JsonObject;
}

interface GetFlags {
  readonly output?: string;
  readonly range?: ByteSpan;
  readonly at?: Moment;
}

interface ListFlags {
  readonly type?: string;
  readonly tag?: readonly string[];
  readonly name?: string;
  readonly pattern?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly at?: Moment;
  readonly limit: number;
}
