import { isApp } from "../src/app-format/index.ts";
import { startApp } from "./direct-app.ts";

/** The other side of `startConfined`: runs the app that its first argument names, call after call. */
const [, , path = ""] = process.argv;
const { app } = (await import(path)) as { readonly app: unknown };
if (!isApp(app)) throw new Error(`"${path}" exports no app`);
const direct = await startApp(app);

process.on("message", async (input: Record<string, unknown>) => {
  try {
    process.send?.({ output: await direct.call(input) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.send?.("ready");
