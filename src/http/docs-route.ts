import type { HttpBindings } from "@hono/node-server";
import type { DocsSite, LanguageModel } from "../docs-site/site.ts";
import { NEW_USER } from "../engine/user.ts";
import type { Model } from "../memory/model.ts";
import { signalOfLeaving } from "./call.ts";
import type { HttpContext } from "./context.ts";
import type { TextReply } from "./route.ts";

/** Answers everything below `/docs`. Nothing of the documentation is loaded before somebody asks for it. */
export function docsRoute(context: HttpContext): (env: HttpBindings) => Promise<TextReply> {
  let opening: Promise<DocsSite> | undefined;
  return async (env) => {
    opening ??= import("../docs-site/site.ts").then(({ openSite }) => openSite());
    const site = await opening.catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    const { url = "", headers } = env.incoming;
    return await site.answer({
      url,
      accept: headers.accept,
      acceptEncoding: headers["accept-encoding"]?.toString(),
      ifNoneMatch: headers["if-none-match"],
      model: () => modelFor(context, env),
    });
  };
}

/**
 * The language model, for whoever may chat: its answers cost money, and the pages are open to anybody. Nobody else is
 * refused; they get the passages as they are.
 */
async function modelFor(context: HttpContext, env: HttpBindings): Promise<LanguageModel | undefined> {
  const { services, gate } = context;
  const { model } = services.memory;
  if (!model.isLanguageModel) return undefined;
  const counted = { route: "/docs/*?ask", isRead: false };
  const caller = await gate.recognize(env.incoming, "sessions:write", counted);
  if (caller === undefined) return undefined;
  const gone = signalOfLeaving(env);
  return {
    name: model.name,
    ask: async ({ system, user }, signal) => await said(model, { system, user }, AbortSignal.any([signal, gone])),
  };
}

async function said(
  model: Model,
  { system, user }: { readonly system: string; readonly user: string },
  signal: AbortSignal,
): Promise<string> {
  const messages = [{ role: "user", content: user }] as const;
  let text = "";
  for await (const piece of model.answer(
    { systemPrompt: system, profile: NEW_USER, workingMemory: {}, messages },
    signal,
  )) {
    if (piece.piece === "text") text += piece.text;
  }
  return text;
}
