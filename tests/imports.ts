/** One place where a file's source reaches for another module or file. */
export interface Import {
  /** What it names; `undefined` where that is computed and nobody can tell. */
  readonly specifier: string | undefined;
  /** Whether it is gone when the types are stripped. */
  readonly typeOnly: boolean;
  /** Whether it is a path for a worker or a file, by `import.meta.url`, and not an import. */
  readonly byUrl: boolean;
}

/** Every import of a TypeScript source: static, for its effects, re-exported, dynamic, and by `import.meta.url`. */
export function importsOf(source: string): readonly Import[] {
  const code = withoutComments(source);
  return [
    ...[...code.matchAll(STATIC)].map(([, keyword, clause = "", specifier]) => {
      return { specifier, typeOnly: keyword !== undefined || isAllTypes(clause), byUrl: false };
    }),
    ...[...code.matchAll(BARE)].map(([, specifier]) => ({ specifier, typeOnly: false, byUrl: false })),
    ...[...code.matchAll(DYNAMIC)].map(([, argument = ""]) => {
      return { specifier: LITERAL.exec(argument)?.[2], typeOnly: false, byUrl: false };
    }),
    ...[...code.matchAll(URL_OF)].flatMap(([, argument = ""]) => {
      const paths = [...argument.matchAll(RELATIVE)].map(([, , path]) => path);
      return (paths.length === 0 ? [undefined] : paths).map((specifier) => ({
        specifier,
        typeOnly: false,
        byUrl: true,
      }));
    }),
  ];
}

/** The source without its comments; what looks like one inside a string stays. */
export function withoutComments(source: string): string {
  return source.replaceAll(
    STRING_OR_COMMENT,
    (match, string: string | undefined) => string ?? match.replaceAll(/[^\n]/g, " "),
  );
}

const STRING_OR_COMMENT = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

const STATIC = /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+(?=[{*\w]))?([\w$*\s{},]+?)\s*\bfrom\s*["']([^"']+)["']/g;

const BARE = /(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g;

const DYNAMIC = /(?<![\w$.]|async )(?:import|require|import\.meta\.resolve)\s*\(\s*([^)]*?)\s*[,)]/g;

const LITERAL = /^(["'`])([^"'`$]+)\1$/;

const URL_OF = /\bnew\s+URL\s*\(([^;]*?),\s*import\.meta\.url\s*,?\s*\)/g;

/** Literal paths, also those of a choice: `isSource ? "./a.ts" : "./a.js"`. */
const RELATIVE = /(["'`])(\.{1,2}\/.*?)\1/g;

function isAllTypes(clause: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1]?.split(",") ?? [];
  const stated = names.filter((name) => name.trim() !== "");
  return stated.length > 0 && stated.every((name) => name.trim().startsWith("type "));
}
