/** The longest text of a message, and of the arguments of a call. */
export const TEXT_MAX = 100_000;

/** A text as a session takes it. */
export function clean(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** A text that is no longer than this; one that was ends with the note, and not with half a character. */
export function cut(
  text: string,
  charactersMax: number,
  note: string = `… (cut: it has ${text.length} characters)`,
): string {
  if (text.length <= charactersMax) return text;
  const end = Math.max(0, charactersMax - note.length);
  // Half of the character that begins there would stay behind.
  const isSplit = (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return text.slice(0, isSplit ? end - 1 : end) + note;
}

/** How long each may be, for all to be no longer than `charactersMax` together: the longest are cut first. */
export function shareOf(lengths: readonly number[], charactersMax: number): number {
  let left = charactersMax;
  for (const [i, length] of lengths.toSorted((one, other) => one - other).entries()) {
    const share = Math.floor(left / (lengths.length - i));
    if (length > share) return share;
    left -= length;
  }
  return charactersMax;
}
