import { slug } from "github-slugger";

/** How a heading is linked to, as the site has it. */
export function anchorOf(heading: string): string {
  return slug(heading);
}

/** A text that a cell of a table can hold. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** A paragraph in lines of about 120 characters, none broken within `code` or a link. */
export function wrapped(text: string): string {
  const pieces = text.match(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g) ?? [];
  const lines: string[] = [];
  for (const piece of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + piece.length < 130) lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(piece);
  }
  return lines.join("\n");
}
