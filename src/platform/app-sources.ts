import { SojournError } from "../engine/errors.ts";
import { findSource } from "../workers/app-places.ts";

/**
 * Holds that there is something at each place where apps are to be looked for; not, that the apps are any good.
 *
 * @throws {SojournError} `invalid`, with what there is not
 */
export async function assertAppSources(sources: readonly string[]): Promise<void> {
  const faults = await Promise.all(
    sources.map(async (source) => {
      try {
        await findSource(source, process.cwd());
        return [];
      } catch (error) {
        if (!(error instanceof SojournError)) throw error;
        return [{ field: "apps", message: error.message, type: "invalid_option" }];
      }
    }),
  );
  const all = faults.flat();
  if (all.length === 0) return;
  throw new SojournError("invalid", { message: all.map(({ message }) => message).join("; "), faults: all });
}
