import { type JsonObject, merged } from "./json.ts";

/** How a user may like to be answered. */
export const STYLES = {
  verbosity: ["low", "medium", "high"],
  tone: ["neutral", "friendly", "formal", "casual", "technical"],
  depth: ["shallow", "normal", "deep"],
} as const;

/** How a user likes to be answered. */
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

/** Where a value of a profile comes from: somebody set it, or it was learned from how the user writes. */
export type Origin = "set" | "learned";

/** The folded record of a user's log. Times are microseconds since the epoch. */
export interface UserRecord extends Profile {
  /** Where each value comes from, by its name; preferences as `preferences.` and theirs. Defaults have none. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** Absent while nothing is known. */
  readonly updatedAtUs?: number;
}

/** The profile of a user of whom nothing is known. */
export const NEW_USER: UserRecord = { ...DEFAULT_STYLE, preferences: {}, origins: {} };

/** What each kind of operation of a user carries in its payload. */
export interface UserInputs {
  readonly "profile.changed": { readonly patch: ProfilePatch; readonly origin: Origin };
}

/** One operation of a user's log as the fold sees it. `input` is absent once the payload was erased. */
export interface UserChange {
  readonly kind: keyof UserInputs;
  readonly at: number;
  readonly input?: UserInputs["profile.changed"];
}

/** Applies one operation to the record of a user. Pure. */
export function foldUser(user: UserRecord = NEW_USER, { at, input }: UserChange): UserRecord {
  const updatedAtUs = Math.max(user.updatedAtUs ?? at, at);
  if (input === undefined) return { ...user, updatedAtUs };
  const { patch, origin } = input;
  const { preferences = {}, ...style } = patch;
  const origins: Record<string, Origin | null> = {};
  for (const [name, value] of Object.entries(style)) origins[name] = value === null ? null : origin;
  for (const [name, value] of Object.entries(preferences)) {
    origins[`preferences.${name}`] = value === null ? null : origin;
  }
  return {
    ...styled(user, style),
    preferences: merged(user.preferences, preferences),
    // NOTE: merging removes what is null.
    origins: merged(user.origins, origins) as UserRecord["origins"],
    updatedAtUs,
  };
}

/** What of a patch would change the profile; `undefined` if nothing. */
export function news(user: Profile, { preferences = {}, ...style }: ProfilePatch): ProfilePatch | undefined {
  const next = styled(user, style);
  const styles = Object.entries(style).filter(([name]) => next[name as keyof Style] !== user[name as keyof Style]);
  const other = Object.entries(preferences).filter(([name, value]) => user.preferences[name] !== (value ?? undefined));
  if (styles.length === 0 && other.length === 0) return undefined;
  return {
    ...Object.fromEntries(styles),
    ...(other.length === 0 ? {} : { preferences: Object.fromEntries(other) }),
  };
}

function styled<T extends Style>(user: T, { verbosity, tone, depth }: ProfilePatch): T {
  return {
    ...user,
    ...(verbosity !== undefined && { verbosity: verbosity ?? DEFAULT_STYLE.verbosity }),
    ...(tone !== undefined && { tone: tone ?? DEFAULT_STYLE.tone }),
    ...(depth !== undefined && { depth: depth ?? DEFAULT_STYLE.depth }),
  };
}
