import { createHmac, randomBytes } from "node:crypto";

/** What the text of a secret begins with. */
const PREFIX = "whsec_";

/** How many bytes a secret may have. */
const BYTES_MIN = 24;
const BYTES_MAX = 64;

/** What is signed: a message, and the attempt that brings it. */
export interface Signed {
  /** The same in each attempt. */
  readonly id: string;
  /** Of the attempt, in seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/** A new secret: `whsec_`, and 32 random bytes in base64. */
export function newSecret(): string {
  return PREFIX + randomBytes(32).toString("base64");
}

/** Whether a text is a secret: `whsec_`, and 24 to 64 bytes in base64. */
export function isSecret(text: string): boolean {
  const key = keyOf(text);
  return key !== undefined && key.length >= BYTES_MIN && key.length <= BYTES_MAX;
}

/**
 * The headers that prove where a message comes from, by each of the secrets: while one takes another's place, both sign.
 *
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signatureHeaders({ id, timestamp, body }: Signed, secrets: readonly string[]): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const mac = createHmac("sha256", keyOf(secret) ?? "").update(`${id}.${timestamp}.${body}`);
    return `v1,${mac.digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signatures.join(" ") };
}

function keyOf(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, "base64");
  // Node reads past what is no base64; a receiver would come to another key.
  return key.toString("base64") === text ? key : undefined;
}
