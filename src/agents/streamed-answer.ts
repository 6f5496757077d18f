import type {
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4ResponseMetadata,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from "@ai-sdk/provider";
import { Trouble } from "../language-models/trouble.ts";

/** The block of a text that is coming. */
type Block = Extract<LanguageModelV4Content, { readonly type: "text" | "reasoning" }>;

/**
 * The whole of an answer that comes as a stream; `onText` is told each piece of its text as it comes.
 *
 * @throws what the model reports of itself, and `Trouble` where the answer breaks off
 */
export async function gathered(
  { stream, request, response }: LanguageModelV4StreamResult,
  onText: (text: string) => void,
): Promise<LanguageModelV4GenerateResult> {
  const content: LanguageModelV4Content[] = [];
  const blocks = new Map<string, Block>();
  let metadata: LanguageModelV4ResponseMetadata = {};
  let warnings: LanguageModelV4GenerateResult["warnings"] = [];
  for await (const part of stream) {
    switch (part.type) {
      case "stream-start":
        warnings = part.warnings;
        break;
      case "response-metadata": {
        const { type: _, ...told } = part;
        metadata = told;
        break;
      }
      case "text-start":
      case "reasoning-start": {
        const block: Block = { type: part.type === "text-start" ? "text" : "reasoning", text: "" };
        blocks.set(part.id, block);
        content.push(block);
        addMetadata(block, part);
        break;
      }
      case "text-delta":
      case "reasoning-delta":
      case "text-end":
      case "reasoning-end": {
        const block = blocks.get(part.id);
        if (block === undefined) break;
        addMetadata(block, part);
        if (!("delta" in part)) break;
        block.text += part.delta;
        if (block.type === "text" && part.delta !== "") onText(part.delta);
        break;
      }
      case "error":
        throw part.error;
      case "finish": {
        const { usage, finishReason, providerMetadata } = part;
        return {
          content,
          usage,
          finishReason,
          warnings,
          response: { ...response, ...metadata },
          ...(request !== undefined && { request }),
          ...(providerMetadata !== undefined && { providerMetadata }),
        };
      }
      case "tool-input-start":
      case "tool-input-delta":
      case "tool-input-end":
      case "ping":
      case "raw":
        break;
      default:
        content.push(part);
    }
  }
  throw new Trouble("cut");
}

/** Makers tell of a block at its beginning, in its course, or at its end; the last that is told holds. */
function addMetadata(block: Block, { providerMetadata }: Pick<LanguageModelV4StreamPart & Told, keyof Told>): void {
  if (providerMetadata !== undefined) block.providerMetadata = providerMetadata;
}

interface Told {
  readonly providerMetadata?: Block["providerMetadata"];
}
