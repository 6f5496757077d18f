import { loadConfig } from "../config/config.ts";
import { examine, type Finding } from "../platform/doctor.ts";
import { tableFaults } from "../platform/open-engine.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, printJson } from "./print.ts";

const MARKS = { ok: "ok     ", warning: "WARNING", problem: "PROBLEM" } as const;

/** `sojourn doctor`. Fails where it finds a problem; a warning is none. */
export async function doctorCommand(
  flags: Readonly<Record<string, string | undefined>>,
  { thorough = false, json = false }: { readonly thorough?: boolean; readonly json?: boolean },
): Promise<ExitCode> {
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    if (json) return;
    console.log(`${MARKS[finding.state]}  ${finding.check}: ${finding.found}`);
    if (finding.state !== "ok") console.log(`         ${finding.remedy}`);
  };
  const loaded = loadConfig({ flags, env: process.env, cwd: process.cwd(), check: tableFaults });
  if ("faults" in loaded) {
    for (const { source, message } of loaded.faults) {
      tell({
        check: "configuration",
        state: "problem",
        found: `${source}: ${message}`,
        remedy: "Mend it, and look again",
      });
    }
  } else {
    tell({ check: "configuration", state: "ok", found: "every option is valid" });
    for await (const finding of examine(loaded.config, { thorough })) tell(finding);
  }
  const found = (state: Finding["state"]): number => findings.filter((finding) => finding.state === state).length;
  const [problems, warnings] = [found("problem"), found("warning")];
  if (json) printJson({ ok: problems === 0, problems, warnings, findings });
  else console.log(`\n${count(problems, "problem")}, ${count(warnings, "warning")}`);
  return problems === 0 ? EXIT.ok : EXIT.failed;
}
