import { z } from "../../app-format/index.ts";

const ACTION_SECONDS = 10;

const LOADING_SECONDS = 30;

/** Less than what a call has by default, so that the error is the app's, which knows the page. */
const SECONDS_MAX = 240;

const address = z
  .url({ protocol: /^https?$/, error: "The address of a page, with http:// or https:// in front" })
  .describe("Of a page: http or https");

const selector = z
  .string()
  .min(1)
  .max(2_000)
  .describe(
    'CSS, such as "#login-btn", or text and role as Playwright takes them: "text=Log in", "role=button[name=Send]"',
  );

function patience(seconds: number): z.ZodDefault<z.ZodNumber> {
  return z.number().positive().max(SECONDS_MAX).default(seconds).describe("How long to try");
}

const acting = { timeout_seconds: patience(ACTION_SECONDS) };

const loading = { timeout_seconds: patience(LOADING_SECONDS) };

/** What each action takes. */
export const INPUTS = {
  start: z.object({
    url: address.optional(),
    viewport: z
      .object({ width: z.int().min(100).max(4_096), height: z.int().min(100).max(4_096) })
      .default({ width: 1_280, height: 720 })
      .describe("The size of the window, in CSS pixels"),
    ...loading,
  }),
  goto: z.object({ url: address, ...loading }),
  click: z.object({ selector, ...acting }),
  type: z.object({
    selector,
    text: z.string().max(100_000).describe("Goes into the log as it is, with the rest of the input"),
    append: z.boolean().default(false).describe("Adds to what the field holds, key by key, instead of replacing it"),
    ...acting,
  }),
  select: z.object({ selector, value: z.string().describe("The value of an option, or its text"), ...acting }),
  press: z.object({
    key: z.string().min(1).max(100).describe('Such as "Enter", "Tab" or "Control+A"'),
    selector: selector.optional(),
    ...acting,
  }),
  wait_for: z.object({
    selector,
    state: z.enum(["visible", "hidden", "attached", "detached"]).default("visible"),
    ...loading,
  }),
  text: z.object({ selector: selector.optional(), ...acting }),
  screenshot: z.object({
    full_page: z.boolean().default(false).describe("All of the page, and not what the window shows of it"),
    name: z
      .string()
      .min(1)
      .max(255)
      .default("screenshot.png")
      .describe("Of the artifact; the same name makes its next version"),
    ...loading,
  }),
  close: z.object({}),
};

const where = z.object({ url: z.string(), title: z.string() });

/** What each action returns. */
export const OUTPUTS = {
  start: where.extend({ browser: z.string().describe("Its version"), status: z.int().optional() }),
  goto: where.extend({ status: z.int().optional().describe("Of HTTP; absent where the page came from no server") }),
  where,
  text: where.extend({
    text: z.string(),
    matches: z.int().describe("How many elements it is from"),
    is_cut: z.boolean().describe("Whether there is more"),
  }),
  screenshot: where.extend({
    artifact_id: z.string(),
    name: z.string(),
    version: z.int(),
    mime_type: z.string(),
    size: z.int().describe("In bytes"),
    width: z.int(),
    height: z.int(),
    is_cut: z.boolean().describe("Whether the page goes on below"),
  }),
  close: z.object({ closed: z.boolean() }),
};
