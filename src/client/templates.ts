import type { JsonObject } from "../engine/json.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { WantedLimits } from "./limits.ts";
import type { TemplateTransport } from "./transport.ts";

/** Defaults for new sessions. What is left out is as without a template. */
export interface NewTemplate {
  /** Goes before the name that a session is given; one that is given none has none. */
  readonly namePrefix?: string | undefined;
  /** Beside those that a session is given. */
  readonly tags?: readonly string[] | undefined;
  /** At most 16 KiB as JSON; members that a session is given go first. */
  readonly metadata?: JsonObject | undefined;
  /** 1,000 or more; `null`: never by idleness. */
  readonly idleTimeoutMs?: number | null | undefined;
  /** 1,000 or more. */
  readonly maxLifetimeMs?: number | undefined;
  /** Those that a session is given of the same measure go first. */
  readonly limits?: WantedLimits | undefined;
  /** The apps that a session may run; left out: all. */
  readonly apps?: readonly string[] | undefined;
}

/** A template, by its name. */
export interface Template extends NewTemplate {
  readonly name: string;
  /** Whose it is: the tenant's own, or the operator's. */
  readonly source: "tenant" | "configuration";
  /** Of the tenant's own; what `ifMatch` takes. */
  readonly version: number | undefined;
  /** Of the tenant's own. */
  readonly updatedAt: Date | undefined;
}

/**
 * Named defaults for new sessions, which `sessions.create({ template })` begins with: the tenant's own, and the operator's,
 * which are for all tenants. A tenant's own goes before the operator's of the same name.
 */
export class Templates {
  readonly #transport: TemplateTransport;

  constructor(transport: TemplateTransport) {
    this.#transport = transport;
  }

  /**
   * Sets a template of the tenant, whole. Sessions that began with it stay as they are. `ifMatch` is about the template.
   *
   * @param name  1 to 128 letters, digits and `. _ : @ -`
   * @throws {SojournError} `limit_reached` where the tenant has its share of templates; `precondition_failed`; `invalid`
   */
  async set(name: string, wanted: NewTemplate, options: WriteOptions = {}): Promise<Template> {
    return await this.#transport.set(name, wanted, options);
  }

  /** @throws {SojournError} `template_not_found` */
  async get(name: string, options: CallOptions = {}): Promise<Template> {
    return await this.#transport.get(name, options);
  }

  /** All of them, by their names. */
  async list(options: CallOptions = {}): Promise<readonly Template[]> {
    return await this.#transport.list(options);
  }

  /**
   * Removes a template of the tenant. The operator's of the same name is there again.
   *
   * @throws {SojournError} `template_not_found`; `forbidden` for one that is the operator's alone; `precondition_failed`
   */
  async remove(name: string, options: WriteOptions = {}): Promise<void> {
    await this.#transport.remove(name, options);
  }
}
