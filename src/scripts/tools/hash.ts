import { createHash } from "node:crypto";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { bytesOf, type Tool } from "./tool.ts";

const ALGORITHMS = ["sha256", "sha512", "sha1", "md5", "blake3"] as const;

/** Digests, as hex digits. */
export const hash: Tool = {
  name: "hash",
  description:
    "algorithm sha256 (the default), sha512, sha1, md5 or blake3, of input; operation verify: whether it is expected",
  run: async (input) => {
    const name = input.text("algorithm") ?? "sha256";
    const algorithm = ALGORITHMS.find((each) => each === name.toLowerCase());
    if (algorithm === undefined) throw new Error(`algorithm must be one of ${ALGORITHMS.join(", ")}`);
    const bytes = bytesOf(input.value("input", "data"), "input");
    const digest =
      algorithm === "blake3"
        ? new Blake3Hasher().update(Buffer.from(bytes)).digest("hex")
        : createHash(algorithm).update(bytes).digest("hex");
    const operation = input.text("operation") ?? "hash";
    if (operation === "verify") return digest === input.text("expected", "expected_hash")?.toLowerCase();
    if (operation === "hash") return digest;
    throw new Error("operation must be hash or verify");
  },
};
