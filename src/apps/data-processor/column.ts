/** What can be made of a column's values. */
export type Kind = "number" | "time" | "text" | "boolean" | "other";

/** A column of the table. */
export interface Column {
  readonly name: string;
  /** As DuckDB calls it. */
  readonly type: string;
  readonly kind: Kind;
}

const NUMBERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/;

const WHOLE = /(INT|INTEGER|,0\))$/;

const TIMES = /^(DATE|TIMESTAMP.*)$/;

const TEXTS = /^(VARCHAR|UUID|ENUM\(.*\))$/;

/**
 * Beyond this, squares that are summed up leave the range of a double, and DuckDB then refuses the whole query. What is
 * larger counts as no number, as infinity does, and those that are left out are told of.
 */
const MAGNITUDE_MAX = "1e140";

/** What DuckDB's name of a type says can be made of it. */
export function kindOf(type: string): Kind {
  if (NUMBERS.test(type)) return "number";
  if (TIMES.test(type)) return "time";
  if (TEXTS.test(type)) return "text";
  return type === "BOOLEAN" ? "boolean" : "other";
}

/** Whether a column holds whole numbers, each of which is told exactly. */
export function isWhole({ type }: Column): boolean {
  return WHOLE.test(type);
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQL for the numbers of a column; NULL for what is none. */
export function numbersOf({ name }: Column): string {
  const value = `${quoted(name)}::DOUBLE`;
  return `(CASE WHEN abs(${value}) < ${MAGNITUDE_MAX} THEN ${value} END)`;
}

/** A coefficient of correlation to six digits after the point, within the range that rounding errors leave. */
export function coefficient(r: number): number {
  return Math.round(Math.min(Math.max(r, -1), 1) * 1e6) / 1e6;
}

/** SQL for the days since the epoch of a column of times; NULL for infinity. */
export function daysOf({ name }: Column): string {
  const value = quoted(name);
  return `(CASE WHEN isfinite(${value}) THEN epoch(${value}) / 86400 END)`;
}

/**
 * The column of that name; letter case counts only where it has to.
 *
 * @throws {Error} which tells what there is
 */
export function columnNamed(columns: readonly Column[], name: string): Column {
  const found =
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw new Error(`There is no column "${name}"; there are: ${listed(columns)}`);
}

/**
 * The numeric columns to look at: the one of that name, or the first of all.
 *
 * @throws {Error} for one that has no numbers
 */
export function numericColumns(
  columns: readonly Column[],
  { column: name, max, notes }: { readonly column: string | undefined; readonly max: number; readonly notes: string[] },
): readonly Column[] {
  const numeric = columns.filter(({ kind }) => kind === "number");
  if (name !== undefined) {
    const column = columnNamed(columns, name);
    if (column.kind === "number") return [column];
    throw new Error(`Column "${column.name}" is ${column.type}, not a number; numbers are in: ${listed(numeric)}`);
  }
  if (numeric.length === 0) notes.push(`No column has numbers; there are: ${listed(columns)}`);
  if (numeric.length > max)
    notes.push(`Of ${numeric.length} columns with numbers, the first ${max}; name others by "column"`);
  return numeric.slice(0, max);
}

/** How many columns are named where one is wrong. */
const TOLD_MAX = 30;

function listed(columns: readonly Column[]): string {
  if (columns.length === 0) return "none";
  const told = columns.slice(0, TOLD_MAX).map(({ name, type }) => `${name} (${type})`);
  return `${told.join(", ")}${columns.length > TOLD_MAX ? `, and ${columns.length - TOLD_MAX} more` : ""}`;
}
