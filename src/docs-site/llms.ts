import type { Entry, Folder } from "./folder.ts";
import { markdownHref } from "./links.ts";

/** The index for programs. Source: the convention of llmstxt.org */
export function llmsIndex({ index, groups }: Folder): string {
  const line = ({ title, line, page }: Entry): string => `- [${title}](${markdownHref(page.file)}): ${line}`;
  return `# Sojourn

> ${index.summary || "The session server for AI agents and stateful workflows."}

Each page is Markdown at these addresses. Any of them answers a question with \`?ask=\`, such as
\`GET /docs/README.md?ask=How+do+I+resume+a+session%3F\`: the passage that answers it, more on it, and links to the sections
they come from. \`/docs/llms-full.txt\` has all pages in one.

${groups.map(({ title, entries }) => `## ${title}\n\n${entries.map(line).join("\n")}\n`).join("\n")}`;
}

/** All pages of the index, one after another. */
export function llmsFull({ groups }: Folder): string {
  return groups
    .flatMap(({ entries }) => entries)
    .map(({ page }) => `<!-- ${markdownHref(page.file)} -->\n\n${page.markdown.trimEnd()}\n`)
    .join("\n");
}
