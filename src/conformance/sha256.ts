import { createHash } from "node:crypto";
import type { Digest } from "../engine/digest.ts";

/** Stands in for BLAKE3, so that a suite needs no native addon: the engine takes any digest of 64 hex digits. */
export const sha256: Digest = (text) => createHash("sha256").update(text).digest("hex");
