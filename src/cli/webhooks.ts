import type { FailedAttempt, NewWebhook, SetWebhook, Sojourn, Webhook } from "../client/index.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, table } from "./print.ts";
import { wireWebhook } from "./wire-event.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn webhooks list`. */
export async function listWebhooks(sojourn: Sojourn, { json }: ForPrograms): Promise<ExitCode> {
  const all = await sojourn.webhooks.list();
  if (json) printJson(all.map(wireWebhook));
  else if (all.length === 0) console.log("No webhooks");
  else console.log(table(["WEBHOOK", "STATE", "CURSOR", "TYPES", "URL"], all.map(row)));
  return EXIT.ok;
}

function row({ name, active, failure, cursor, types, url }: Webhook): readonly string[] {
  return [name, failure === undefined ? stateOf(active) : "failing", cursor, types?.join(" ") ?? "all", url];
}

/** `sojourn webhooks show`. */
export async function showWebhook(sojourn: Sojourn, name: string, { json }: ForPrograms): Promise<ExitCode> {
  const webhook = await sojourn.webhooks.get(name);
  if (json) printJson(wireWebhook(webhook));
  else console.log(table([], facts(webhook)));
  return EXIT.ok;
}

function facts({
  name,
  url,
  active,
  reason,
  failure,
  types,
  cursor,
  ...webhook
}: Webhook): readonly (readonly string[])[] {
  return [
    ["webhook", name],
    ["url", url],
    ["state", stateOf(active)],
    ...(failure === undefined ? [] : failureOf(failure)),
    ...(reason === undefined ? [] : [["reason", reason]]),
    ["types", types?.join(" ") ?? "all"],
    ["cursor", cursor],
    ["version", `${webhook.version}`],
    ["created", moment(webhook.createdAt)],
    ["updated", moment(webhook.updatedAt)],
  ];
}

function failureOf({ at, reason, attempt, nextAttemptAt }: FailedAttempt): readonly (readonly string[])[] {
  return [
    ["failed", `${moment(at)}, attempt ${attempt}: ${reason}`],
    ["tried next", moment(nextAttemptAt)],
  ];
}

function stateOf(active: boolean): string {
  return active ? "on" : "off";
}

/** `sojourn webhooks set`. The secret is printed where this set it. */
export async function setWebhook(
  sojourn: Sojourn,
  name: string,
  { wanted, ...flags }: ForPrograms & { readonly wanted: NewWebhook },
): Promise<ExitCode> {
  tell(await sojourn.webhooks.set(name, wanted), flags);
  return EXIT.ok;
}

/** `sojourn webhooks rotate`: another secret, beside which the one before signs for another day. */
export async function rotateSecret(sojourn: Sojourn, name: string, flags: ForPrograms): Promise<ExitCode> {
  tell(await change(sojourn, name, { secret: "new" }), flags);
  return EXIT.ok;
}

/** `sojourn webhooks on` and `off`. */
export async function switchWebhooks(
  sojourn: Sojourn,
  names: readonly string[],
  { active, json }: ForPrograms & { readonly active: boolean },
): Promise<ExitCode> {
  const switched: Webhook[] = [];
  const code = await eachOf(names, async (name) => {
    switched.push(await change(sojourn, name, { active }));
    if (!json) console.log(`${name}: ${stateOf(active)}`);
  });
  if (json) printJson(switched.map(wireWebhook));
  return code;
}

/** `sojourn webhooks remove`. */
export async function removeWebhooks(
  sojourn: Sojourn,
  names: readonly string[],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const removed: string[] = [];
  const code = await eachOf(names, async (name) => {
    await sojourn.webhooks.remove(name);
    removed.push(name);
    if (!json) console.log(`${name}: removed`);
  });
  if (json) printJson({ removed });
  return code;
}

/** Sets a webhook as it is but for this, unless somebody else sets it meanwhile. */
async function change(sojourn: Sojourn, name: string, wanted: Partial<NewWebhook>): Promise<SetWebhook> {
  const { url, types, active, version: ifMatch } = await sojourn.webhooks.get(name);
  return await sojourn.webhooks.set(name, { url, types, active, ...wanted }, { ifMatch });
}

function tell(webhook: SetWebhook, { json }: ForPrograms): void {
  const { name, active, secret } = webhook;
  if (json) {
    printJson(wireWebhook(webhook));
    return;
  }
  console.log(`${name}: ${stateOf(active)}`);
  if (secret === undefined) return;
  console.log(`
  ${secret}

Keep it now, it is not shown again. Whoever is called checks with it that requests come from here.`);
}
