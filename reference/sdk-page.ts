import { fileURLToPath } from "node:url";
import {
  type ClassDeclaration,
  type FunctionDeclaration,
  getTextOfJSDocComment,
  type InterfaceDeclaration,
  isClassDeclaration,
  isFunctionDeclaration,
  isGetAccessorDeclaration,
  isIdentifier,
  isInterfaceDeclaration,
  isJSDoc,
  isMethodDeclaration,
  isMethodSignatureDeclaration,
  isNumericLiteral,
  isPrivateIdentifier,
  isPropertyDeclaration,
  isPropertySignatureDeclaration,
  isTypeAliasDeclaration,
  type MethodDeclaration,
  type MethodSignatureDeclaration,
  type Node,
  type ParameterDeclaration,
} from "typescript/unstable/ast";
import { API, type Project } from "typescript/unstable/sync";
import { anchorOf, wrapped } from "./markdown.ts";

/** The published names whose exports are on the page: where they are, and what is said of them. */
const MODULES: readonly (readonly [name: string, config: string, entry: string, about: string])[] = [
  [
    "sojourn/client",
    "src/client/tsconfig.json",
    "src/client/index.ts",
    "The client, and the types of what it takes and gives. `connect()` gives a `Sojourn`; everything else comes from that. The package's " +
      "main name, `sojourn`, exports the same types, and `open()`, which gives a `Sojourn` in the same process ([in process](sdk.md#in-process)).",
  ],
  [
    "sojourn/app-format",
    "tsconfig.json",
    "src/app-format/index.ts",
    "What apps are written with, and what their actions see. [Writing apps](apps.md) has examples.",
  ],
];

/** An export, by the order in which kinds stand on the page. */
interface Export {
  readonly kind: "function" | "class" | "interface" | "type" | "value";
  readonly name: string;
  readonly text: string;
}

const KINDS: readonly Export["kind"][] = ["function", "value", "class", "interface", "type"];

/** The page docs/sdk-reference.md, in Markdown, made from the declarations of what is published. */
export function sdkPage(): string {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const api = new API({ cwd: root });
  try {
    const seen = new Set<string>();
    const parts = MODULES.map(([name, config, entry, about]) => {
      const project = api.updateSnapshot({ openProjects: [`${root}${config}`] }).getProject(`${root}${config}`);
      if (project === undefined) throw new TypeError(`There is no project ${config}`);
      const all = exportsOf(project, `${root}${entry}`);
      const shown = KINDS.flatMap((kind) => all.filter((one) => one.kind === kind));
      const sections = shown.map((one) => {
        // Headings are told apart, so that each can be linked to.
        const heading = seen.has(anchorOf(one.name)) ? `${one.name} (${one.kind} of ${name})` : one.name;
        seen.add(anchorOf(one.name));
        return `### ${heading}\n\n${one.text}\n`;
      });
      return `## ${name}\n\n${wrapped(about)}\n\n${sections.join("\n")}`;
    });
    return `${INTRODUCTION}\n${parts.join("\n")}`;
  } finally {
    api.close();
  }
}

const INTRODUCTION = `# SDK reference

Every export of \`sojourn/client\` and \`sojourn/app-format\`, with its members, their types, and what they promise; [the SDK](sdk.md) shows
them in use. This page is made from the declarations by \`npm run docs\`.
`;

function exportsOf(project: Project, entry: string): readonly Export[] {
  const { program, checker } = project;
  const file = program.getSourceFile(entry);
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) throw new TypeError(`There is no module ${entry}`);
  return checker.getExportsOfModule(module).map((symbol) => {
    const [declaration] = checker.getAliasedSymbol(symbol).declarations;
    const node = declaration?.resolve(project);
    const { name } = symbol;
    if (node === undefined || node.getSourceFile().fileName.includes("/node_modules/")) {
      return { kind: "value", name, text: "Of the package `zod`, for the shapes of inputs, outputs and setups." };
    }
    return { name, ...described(name, node) };
  });
}

function described(name: string, node: Node): Omit<Export, "name"> {
  if (isFunctionDeclaration(node)) {
    return { kind: "function", text: paragraphs(`\`${name}${signature(node)}\``, docOf(node)) };
  }
  if (isClassDeclaration(node)) {
    const members = node.members.filter(isShown).map(memberRow);
    return { kind: "class", text: paragraphs(`A class${basesOf(node)}.`, docOf(node), members.join("\n")) };
  }
  if (isInterfaceDeclaration(node)) {
    const members = node.members.map(memberRow);
    return { kind: "interface", text: paragraphs(`An interface${basesOf(node)}.`, docOf(node), members.join("\n")) };
  }
  if (isTypeAliasDeclaration(node)) {
    return {
      kind: "type",
      text: paragraphs(
        `\`${plain(node)
          .replace(/^export /, "")
          .replace(/;$/, "")}\``,
        docOf(node),
      ),
    };
  }
  // A constant: what declares it is within the statement that has its docstring.
  return { kind: "value", text: paragraphs(`\`${name}\``, docOf(node.parent.parent)) };
}

/** Whether a member of a class is for those who use it: neither private nor the language's own. */
function isShown(node: Node): boolean {
  if (!isMethodDeclaration(node) && !isGetAccessorDeclaration(node) && !isPropertyDeclaration(node)) return false;
  if (isPrivateIdentifier(node.name) || node.name.getText() === "[Symbol.toStringTag]") return false;
  return !modifiersOf(node).some((modifier) => modifier === "private" || modifier === "protected");
}

function modifiersOf({ modifiers }: { readonly modifiers?: readonly Node[] }): readonly string[] {
  return modifiers?.map((modifier) => modifier.getText()) ?? [];
}

function memberRow(node: Node): string {
  const doc = docOf(node);
  return `- \`${memberText(node)}\`${doc === "" ? "" : ` — ${doc.replaceAll("\n\n", " ")}`}`;
}

function memberText(node: Node): string {
  if (isMethodDeclaration(node) || isMethodSignatureDeclaration(node)) {
    return `${modifiersOf(node).includes("static") ? "static " : ""}${node.name.getText()}${signature(node)}`;
  }
  if (isGetAccessorDeclaration(node)) return `readonly ${node.name.getText()}: ${typeOf(node)}`;
  if (isPropertyDeclaration(node) || isPropertySignatureDeclaration(node)) {
    const isReadonly = modifiersOf(node).includes("readonly");
    const mark = node.postfixToken?.getText() ?? "";
    return `${isReadonly ? "readonly " : ""}${node.name.getText()}${mark}: ${typeOf(node)}`;
  }
  return plain(node).replace(/[;,]$/, "");
}

type Callable = FunctionDeclaration | MethodDeclaration | MethodSignatureDeclaration;

function signature(node: Callable): string {
  const types = node.typeParameters?.map(plain).join(", ");
  return `${types === undefined ? "" : `<${types}>`}(${node.parameters.map(parameter).join(", ")}): ${typeOf(node)}`;
}

/** The declared type, or what a method returns. What is published declares it. */
function typeOf(node: Node & { readonly type?: Node }): string {
  if (node.type === undefined) throw new TypeError(`${node.getText()} declares no type`);
  return plain(node.type);
}

/** A parameter as callers see it: one that is taken apart at once has no name of its own. */
function parameter(node: ParameterDeclaration): string {
  const { name, questionToken, initializer, dotDotDotToken } = node;
  const called = isIdentifier(name) ? name.getText() : "options";
  const mark = questionToken !== undefined || initializer !== undefined ? "?" : "";
  const type = initializer !== undefined && isNumericLiteral(initializer) ? "number" : typeOf(node);
  return `${dotDotDotToken === undefined ? "" : "..."}${called}${mark}: ${type}`;
}

function basesOf({ heritageClauses, typeParameters }: ClassDeclaration | InterfaceDeclaration): string {
  const types = typeParameters?.map((one) => `\`${plain(one)}\``).join(", ");
  const bases = heritageClauses?.map((clause) => {
    const [verb = "", ...rest] = plain(clause).split(" ");
    const base = rest.join(" ");
    // What a class shows of a state is declared beside it.
    const state = /^showing<(.+)>\(\)$/.exec(base)?.[1];
    return state === undefined ? `${verb} \`${base}\`` : `has every member of \`${state}\``;
  });
  return `${types === undefined ? "" : ` of ${types}`}${bases === undefined ? "" : ` that ${bases.join(" and ")}`}`;
}

/** The source of a node in one line, without comments. */
function plain(node: Node): string {
  return node
    .getText()
    .replaceAll(/\/\*.*?\*\//gs, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/([=(<]) \| /g, "$1 ")
    .replaceAll(/(?<=[<(]) | (?=[>)])/g, "")
    .trim();
}

function docOf(node: Node): string {
  const doc = node.jsDoc?.at(-1);
  if (doc === undefined || !isJSDoc(doc)) return "";
  const tags = doc.tags?.map((tag) => tagText(tag.getText())) ?? [];
  return [getTextOfJSDocComment(doc.comment) ?? "", ...tags]
    .map((text) => text.replaceAll(/\n(?!\n)(?<!\n\n)/g, " ").trim())
    .filter((text) => text !== "")
    .map((text) => (/[.:]$/.test(text) ? text : `${text}.`))
    .join("\n\n");
}

/** What a tag says, as a sentence. */
function tagText(tag: string): string {
  const text = tag.replaceAll(/\s*\n\s*\*?\s*/g, " ").trim();
  return text
    .replace(/^@param (\S+)\s+/, "`$1`: ")
    .replace(/^@returns\s+/, "Returns ")
    .replace(/^@throws \{(\w+)\}\s+/, "Throws `$1`: ")
    .replace(/ \*?$/, "");
}

function paragraphs(...parts: readonly string[]): string {
  return parts
    .filter((part) => part !== "")
    .map((part) => (part.startsWith("- ") ? part : part.split("\n\n").map(wrapped).join("\n\n")))
    .join("\n\n");
}
