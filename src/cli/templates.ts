import type { NewTemplate, Sojourn, Template } from "../client/index.ts";
import { encodeLimits } from "../client/limits.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, safeJson, table } from "./print.ts";
import { wireTemplate } from "./wire-template.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn templates list`. */
export async function listTemplates(sojourn: Sojourn, { json }: ForPrograms): Promise<ExitCode> {
  const all = await sojourn.templates.list();
  if (json) printJson(all.map(wireTemplate));
  else if (all.length === 0) console.log("No templates");
  else console.log(table(["TEMPLATE", "SOURCE", "NAME PREFIX", "TAGS", "IDLE TIMEOUT", "LIFETIME"], all.map(row)));
  return EXIT.ok;
}

function row({ name, source, namePrefix = "", tags = [], ...times }: Template): readonly string[] {
  return [name, source, namePrefix, tags.join(", "), idle(times) ?? "", lifetime(times) ?? ""];
}

/** `sojourn templates show`. */
export async function showTemplate(sojourn: Sojourn, name: string, { json }: ForPrograms): Promise<ExitCode> {
  const template = await sojourn.templates.get(name);
  if (json) printJson(wireTemplate(template));
  else console.log(table([], facts(template)));
  return EXIT.ok;
}

function facts(template: Template): readonly (readonly string[])[] {
  const { name, source, namePrefix, tags, metadata, version, updatedAt } = template;
  const all: readonly (readonly [string, string | undefined])[] = [
    ["template", name],
    ["source", source],
    ["name prefix", namePrefix === undefined ? undefined : JSON.stringify(namePrefix)],
    ["tags", tags?.join(", ")],
    ["metadata", metadata && safeJson(metadata)],
    ["idle timeout", idle(template)],
    ["lifetime", lifetime(template)],
    ["limits", template.limits && JSON.stringify(encodeLimits(template.limits))],
    ["apps", template.apps?.join(", ")],
    ["version", version === undefined ? undefined : `${version}`],
    ["updated", updatedAt && moment(updatedAt)],
  ];
  return all.flatMap(([fact, value]) => (value === undefined ? [] : [[fact, value]]));
}

/** `sojourn templates set`. */
export async function setTemplate(
  sojourn: Sojourn,
  name: string,
  { wanted, json }: ForPrograms & { readonly wanted: NewTemplate },
): Promise<ExitCode> {
  const template = await sojourn.templates.set(name, wanted);
  if (json) printJson(wireTemplate(template));
  else console.log(`${name}: set`);
  return EXIT.ok;
}

/** `sojourn templates remove`. */
export async function removeTemplates(
  sojourn: Sojourn,
  names: readonly string[],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const removed: string[] = [];
  const code = await eachOf(names, async (name) => {
    await sojourn.templates.remove(name);
    removed.push(name);
    if (!json) console.log(`${name}: removed`);
  });
  if (json) printJson({ removed });
  return code;
}

function idle({ idleTimeoutMs }: Pick<NewTemplate, "idleTimeoutMs">): string | undefined {
  return idleTimeoutMs === null ? "never" : seconds(idleTimeoutMs);
}

function lifetime({ maxLifetimeMs }: Pick<NewTemplate, "maxLifetimeMs">): string | undefined {
  return seconds(maxLifetimeMs);
}

function seconds(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${ms / 1_000} s`;
}
