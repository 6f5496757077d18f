import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a URL may hold that opens one thing of one tenant to whoever has it. */
export interface Capability {
  readonly tenant: string;
  /** 128 random bits as 32 hex digits. */
  readonly secret: string;
}

/** A secret that nobody can guess. */
export function mintSecret(): string {
  return randomBytes(16).toString("hex");
}

/** An id that is unlike any other: the prefix, and 16 hex digits. */
export function mintId(prefix: string): string {
  return `${prefix}${randomBytes(8).toString("hex")}`;
}

export function encodeCapability({ tenant, secret }: Capability): string {
  return `${Buffer.from(tenant).toString("base64url")}.${secret}`;
}

/** Reads what `encodeCapability` wrote; `undefined` for any other text. */
export function decodeCapability(text: string): Capability | undefined {
  const [, tenant, secret] = /^([\w-]+)\.([0-9a-f]{32})$/.exec(text) ?? [];
  if (tenant === undefined || secret === undefined) return undefined;
  return { tenant: Buffer.from(tenant, "base64url").toString(), secret };
}

/** What is kept of a secret that is not to be read again. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Compares two texts in constant time. */
export function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(a)), Buffer.from(digestOf(b)));
}
