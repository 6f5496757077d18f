import type { JsonObject } from "./json.ts";

/** How a user likes to be answered; the first value of `PROFILE_DEFAULT` to the last of each list is what there is. */
export const STYLES = {
  verbosity: ["low", "medium", "high"],
  tone: ["neutral", "friendly", "formal", "casual", "technical"],
  depth: ["shallow", "normal", "deep"],
} as const;

export interface Style {
  readonly verbosity: (typeof STYLES.verbosity)[number];
  readonly tone: (typeof STYLES.tone)[number];
  readonly depth: (typeof STYLES.depth)[number];
}

export const DEFAULT_STYLE: Style = { verbosity: "medium", tone: "neutral", depth: "normal" };

/** What is known of a user in every session: the style, and preferences such as `preferred_language`. */
export interface Profile extends Style {
  readonly preferences: JsonObject;
}

/** A change of a profile. `null` brings a style back to its default, and removes a preference. */
export interface ProfilePatch {
  readonly verbosity?: Style["verbosity"] | null;
  readonly tone?: Style["tone"] | null;
  readonly depth?: Style["depth"] | null;
  readonly preferences?: JsonObject;
}
