/**
 * A moment as C has it: seconds, minutes, hours, the day of the month, the month from 0, years since 1900, the day of the
 * week from Sunday, and the day of the year from 0; what follows is not looked at.
 */
export type Moment = readonly number[];

/** C's `strftime` in its own locale, and in UTC. */
export function formatted(format: string, moment: Moment): string {
  return format.replaceAll(/%[EO]?(.)/gs, (all, letter: string) => LETTERS[letter]?.(moment) ?? all);
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const part =
  (index: number, { plus = 0, digits = 2, fill = "0" } = {}) =>
  (moment: Moment): string =>
    String((moment[index] ?? 0) + plus).padStart(digits, fill);

const all =
  (format: string) =>
  (moment: Moment): string =>
    formatted(format, moment);

const name =
  (names: readonly string[], { index, length }: { readonly index: number; readonly length?: number }) =>
  (moment: Moment): string =>
    (names[moment[index] ?? 0] ?? "?").slice(0, length);

const LETTERS: Readonly<Record<string, (moment: Moment) => string>> = {
  a: name(DAYS, { index: 6, length: 3 }),
  A: name(DAYS, { index: 6 }),
  b: name(MONTHS, { index: 4, length: 3 }),
  B: name(MONTHS, { index: 4 }),
  c: all("%a %b %e %H:%M:%S %Y"),
  C: (moment) => two(Math.floor(yearOf(moment) / 100)),
  d: part(3),
  D: all("%m/%d/%y"),
  e: part(3, { fill: " " }),
  F: all("%Y-%m-%d"),
  g: (moment) => two(isoWeek(moment).year % 100),
  G: (moment) => String(isoWeek(moment).year),
  h: name(MONTHS, { index: 4, length: 3 }),
  H: part(2),
  I: (moment) => two((((moment[2] ?? 0) + 11) % 12) + 1),
  j: part(7, { plus: 1, digits: 3 }),
  m: part(4, { plus: 1 }),
  M: part(1),
  n: () => "\n",
  p: (moment) => ((moment[2] ?? 0) < 12 ? "AM" : "PM"),
  r: all("%I:%M:%S %p"),
  R: all("%H:%M"),
  S: part(0),
  t: () => "\t",
  T: all("%H:%M:%S"),
  u: (moment) => String(moment[6] || 7),
  U: (moment) => two(Math.floor(((moment[7] ?? 0) + 7 - (moment[6] ?? 0)) / 7)),
  V: (moment) => two(isoWeek(moment).week),
  w: part(6, { digits: 1 }),
  W: (moment) => two(Math.floor(((moment[7] ?? 0) + 7 - fromMonday(moment)) / 7)),
  x: all("%m/%d/%y"),
  X: all("%H:%M:%S"),
  y: (moment) => two(yearOf(moment) % 100),
  Y: (moment) => String(yearOf(moment)),
  z: () => "+0000",
  Z: () => "GMT",
  "%": () => "%",
};

function yearOf(moment: Moment): number {
  return (moment[5] ?? 0) + 1900;
}

function fromMonday(moment: Moment): number {
  return ((moment[6] ?? 0) + 6) % 7;
}

/** The week by ISO 8601: that of its Thursday. */
function isoWeek(moment: Moment): { readonly year: number; readonly week: number } {
  const dayOfYear = (moment[7] ?? 0) - fromMonday(moment) + 3;
  const thursday = new Date(Date.UTC(yearOf(moment), 0, 1 + dayOfYear));
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return { year: thursday.getUTCFullYear(), week: 1 + Math.floor((thursday.getTime() - newYear) / (7 * 86_400_000)) };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
