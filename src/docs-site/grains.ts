import type { Token, Tokens } from "marked";
import { plainOf } from "./markdown.ts";

/** A part of a section that says one thing: a paragraph, a row of a table, an item of a list, or a block of code. */
export interface Grain {
  readonly text: string;
  readonly code: string;
}

/** The grains of blocks, in their order. What only leads elsewhere is none. */
export function grainsOf(blocks: readonly Token[]): readonly Grain[] {
  return blocks.flatMap((block): readonly Grain[] => {
    if (leadsElsewhere(block)) return [];
    if (block.type === "code") return [{ text: "", code: String(block.text) }];
    if (block.type === "list") return (block as Tokens.List).items.map(({ tokens }) => withCode(tokens));
    if (block.type !== "table") return [withCode([block])];
    return (block as Tokens.Table).rows.map((cells) => withCode(cells.flatMap(({ tokens }) => [...tokens, GAP])));
  });
}

/** Whether a block is a list whose items all begin with a link, or a paragraph of links alone. */
export function leadsElsewhere(block: Token): boolean {
  if (block.type === "list") {
    return (block as Tokens.List).items.every(({ tokens }) => inlineOf(tokens[0])[0]?.type === "link");
  }
  return (
    block.type === "paragraph" &&
    inlineOf(block).every((token) => token.type === "link" || !/[\p{L}\p{N}]/u.test(token.raw))
  );
}

function inlineOf(block: Token | undefined): readonly Token[] {
  return block !== undefined && "tokens" in block ? (block.tokens ?? []) : [];
}

/** Between the cells of a row. */
const GAP: Token = { type: "space", raw: " " };

function withCode(tokens: readonly Token[]): Grain {
  const code = tokens.filter(({ type }) => type === "code").map((token) => ("text" in token ? String(token.text) : ""));
  return { text: plainOf(tokens), code: code.join("\n") };
}
