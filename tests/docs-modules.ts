import { type Example, placeOf } from "./docs-examples.ts";

/** Examples of a page that are one module: what one declares is there for those after it. */
export interface PageModule {
  readonly page: string;
  /** From 1 on, within its page. */
  readonly number: number;
  readonly examples: readonly Example[];
}

/**
 * The modules that the examples of a page make up, beside those that are files.
 *
 * An example goes on where the one before it ended, as a reader takes it. One that declares a name again begins a new module; an
 * import of what is imported already declares nothing.
 */
export function modulesOf(examples: readonly Example[]): readonly PageModule[] {
  const modules: { page: string; number: number; examples: Example[] }[] = [];
  let declared = new Set<string>();
  for (const example of examples) {
    const { page, language, file, code } = example;
    if ((language !== "ts" && language !== "js") || file !== undefined) continue;
    const names = declaredIn(code);
    const current = modules.at(-1);
    if (current === undefined || names.some((name) => declared.has(name))) {
      modules.push({ page, number: modules.length + 1, examples: [example] });
      declared = new Set(names);
    } else {
      current.examples.push(example);
      for (const name of names) declared.add(name);
    }
  }
  return modules;
}

/**
 * The text of a module, whose lines have the numbers that they have on the page.
 *
 * @param code  of an example, where it is not to be as it stands; as many lines
 * @param before  what stands in place of the fence that opens an example
 * @param after  what stands in place of the fence that closes it
 */
export function textOf(
  { examples }: PageModule,
  {
    code = (example) => example.code,
    before = () => "",
    after = () => "",
  }: {
    readonly code?: (example: Example) => string;
    readonly before?: (example: Example) => string;
    readonly after?: (example: Example) => string;
  } = {},
): string {
  const lines: string[] = [];
  const imported = new Set<string>();
  for (const example of examples) {
    while (lines.length < example.line - 1) lines.push("");
    const own = code(example).replaceAll(IMPORT, (whole, clause: string, from: string) =>
      importOnce({ whole, clause, from, imported }),
    );
    lines.push(before(example), ...own.split("\n").slice(0, -1), after(example));
    if (lines.length !== example.end) throw new Error(`${placeOf(example)}: ${lines.length} lines, not ${example.end}`);
  }
  return `${lines.join("\n")}\n`;
}

/** An import of names, at the left margin. */
const IMPORT = /^import (?:type )?\{([^}]*)\} from ("[^"]+");?$/gm;

/** What an example declares for those after it; examples are formatted, so that it begins at the left margin. */
const DECLARATION =
  /^(?:export )?(?:declare )?(?:(?:const|let|var) (?:(\w+)|([{[][^;]*?[}\]]) =)|(?:async )?function\*? (\w+)|(?:abstract )?class (\w+)|interface (\w+)|type (\w+)[ <])/gm;

function declaredIn(code: string): readonly string[] {
  return [...code.matchAll(DECLARATION)].flatMap(([, name, pattern, ...others]) =>
    pattern === undefined ? [name, ...others].filter((one) => one !== undefined) : boundIn(pattern),
  );
}

/** The names that `{ a, b: c, d = 1, ...e }` binds. */
function boundIn(pattern: string): readonly string[] {
  return pattern
    .slice(1, -1)
    .split(",")
    .map((part) => /(?:.*:)?\s*(?:\.\.\.)?(\w+)/s.exec(part)?.[1])
    .filter((name) => name !== undefined);
}

/** The import without the names that the module has already, on as many lines. */
function importOnce(told: {
  readonly whole: string;
  readonly clause: string;
  readonly from: string;
  readonly imported: Set<string>;
}): string {
  const { whole, clause, from, imported } = told;
  const names = clause
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const fresh = names.filter((name) => !imported.has(`${name} ${from}`));
  for (const name of fresh) imported.add(`${name} ${from}`);
  if (fresh.length === names.length) return whole;
  const kind = whole.startsWith("import type") ? "import type" : "import";
  const kept = fresh.length === 0 ? "" : `${kind} { ${fresh.join(", ")} } from ${from};`;
  return kept + "\n".repeat(whole.split("\n").length - 1);
}
