import { assertActsAsNone } from "./acting.ts";
import type { Settled } from "./batch.ts";
import type { Command } from "./commands.ts";
import type { NewSession } from "./creation.ts";
import { invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { type Answer, OnceOnly } from "./idempotency.ts";
import { sameJson } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { Mailboxes, type MailboxPorts } from "./mailbox.ts";
import { assertMatches } from "./precondition.ts";
import type { Caller, WriteOptions } from "./sessions.ts";
import { assertTemplate, filled, type Template } from "./template.ts";
import { type KeptTemplate, NEW_TENANT, own, type TenantRecord, tenantRef } from "./tenant.ts";

/** A template as its callers see it. Only the tenant's own have a version; the others are the operator's. */
export interface NamedTemplate extends Template, Partial<Pick<KeptTemplate, "version" | "updatedAtUs">> {
  readonly name: string;
}

/** Templates by their names. */
export type TemplateSet = Readonly<Record<string, Template>>;

/**
 * Named defaults for new sessions: a tenant's own, and those of the operator, which are for all tenants. A tenant's own
 * goes before the operator's of the same name. Calls on what does not exist are `template_not_found`.
 */
export class Templates {
  readonly #ports: MailboxPorts;
  readonly #configured: TemplateSet;
  readonly #mailboxes: Mailboxes;
  readonly #once: OnceOnly;

  /** @param configured  the operator's; see `assertTemplates` */
  constructor(ports: MailboxPorts, configured: TemplateSet = {}) {
    this.#ports = ports;
    this.#configured = configured;
    this.#mailboxes = new Mailboxes(ports);
    this.#once = new OnceOnly(ports);
  }

  /** All of them, by their names. */
  async list(caller: Caller): Promise<readonly NamedTemplate[]> {
    assertActsAsNone(caller, "list templates");
    const all = { ...this.#configured, ...(await this.#record(caller.tenant)).templates };
    return Object.entries(all)
      .map(([name, template]) => ({ ...template, name }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async get(caller: Caller, name: string): Promise<NamedTemplate> {
    assertActsAsNone(caller, "read templates");
    return { ...(await this.#find(caller.tenant, name)), name };
  }

  /**
   * Sets a template of the tenant, whole; what it already says changes nothing. The precondition is about the template.
   *
   * @throws {SojournError} `limit_reached` where the tenant has its share of templates
   */
  async set(
    caller: Caller,
    name: string,
    wanted: Template,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<{ readonly template: NamedTemplate; readonly isNew: boolean }>> {
    assertActsAsNone(caller, "set templates");
    const template = { ...wanted, ...given("tags", wanted.tags, (tags) => [...new Set(tags)]) };
    assertTemplate(name, template);
    return await this.#once.run(caller.tenant, idempotency, async (remember) => {
      // What it was is told by the decision that is written; a conflict decides again.
      let isNew = false;
      const command: Command<"tenant"> = ({ templates }) => {
        const known = own(templates, name);
        assertMatches(precondition, known?.version);
        isNew = known === undefined;
        if (isNew && Object.keys(templates).length >= LIMITS.templates) throw full();
        if (known !== undefined && says(known, template)) return [];
        return [{ kind: "template.set", name: "template", input: { name, template } }];
      };
      const shown = ({ stream: { record } }: Settled<"tenant">) => {
        return { template: { ...template, ...own(record.templates, name), name }, isNew };
      };
      const settled = await this.#mailboxes.submit(tenantRef(caller.tenant), {
        actor: caller.actor,
        command,
        ...given(
          "remember",
          remember && ((settled: Settled<"tenant">) => remember(shown(settled), settled.at, settled.stream.ref)),
        ),
      });
      return { value: shown(settled), at: settled.at };
    });
  }

  /**
   * Removes a template of the tenant. The operator's of the same name is there again.
   *
   * @throws {SojournError} `forbidden` for one that is the operator's alone
   */
  async remove(
    caller: Caller,
    name: string,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<{ readonly name: string }>> {
    assertActsAsNone(caller, "remove templates");
    return await this.#once.run(caller.tenant, idempotency, async (remember) => {
      const command: Command<"tenant"> = ({ templates }) => {
        const known = own(templates, name);
        assertMatches(precondition, known?.version);
        if (known !== undefined) return [{ kind: "template.removed", name: "template", input: { name } }];
        if (own(this.#configured, name) === undefined) throw missing(name);
        throw new SojournError("forbidden", { message: `Template "${name}" is of the configuration, and stays` });
      };
      const { at } = await this.#mailboxes.submit(tenantRef(caller.tenant), {
        actor: caller.actor,
        command,
        ...given("remember", remember && (({ at, stream }: Settled<"tenant">) => remember({ name }, at, stream.ref))),
      });
      return { value: { name }, at };
    });
  }

  /** What is wanted of a new session, with what the template that it names has for it. */
  async fill({ tenant }: Pick<Caller, "tenant">, wanted: NewSession): Promise<NewSession> {
    return wanted.template === undefined ? wanted : filled(wanted, await this.#find(tenant, wanted.template));
  }

  async #find(tenant: string, name: string): Promise<Template> {
    const found = own((await this.#record(tenant)).templates, name) ?? own(this.#configured, name);
    if (found === undefined) throw missing(name);
    return found;
  }

  async #record(tenant: string): Promise<TenantRecord> {
    return (await this.#ports.store.stream(tenantRef(tenant)))?.record ?? NEW_TENANT;
  }
}

/** Refuses an operator's templates that are over a limit, with `invalid`; the faults say which it is. */
export function assertTemplates(configured: TemplateSet): void {
  for (const [name, template] of Object.entries(configured)) {
    try {
      assertTemplate(name, template);
    } catch (error) {
      if (!(error instanceof SojournError)) throw error;
      throw invalid(error.faults.map((fault) => ({ ...fault, field: `templates.${name}.${fault.field}` })));
    }
  }
}

function says({ version: _, updatedAtUs: __, ...kept }: KeptTemplate, { ...template }: Template): boolean {
  return sameJson(kept, template);
}

function missing(name: string): SojournError {
  return new SojournError("template_not_found", {
    message: `Template ${name} not found`,
    faults: [{ field: "template", message: "must be an existing template", type: "invalid_template" }],
  });
}

function full(): SojournError {
  return new SojournError("limit_reached", { message: `A tenant has at most ${LIMITS.templates} templates` });
}
