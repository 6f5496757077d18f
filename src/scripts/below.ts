import { isAbsolute, relative, sep } from "node:path";

/** Whether a file lies below a directory. Both are real paths: links could lead anywhere. */
export function isBelow(directory: string, file: string): boolean {
  const path = relative(directory, file);
  return path !== "" && path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
