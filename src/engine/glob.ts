export function compileGlob(pattern: string): (name: string) => boolean {
  return (name) => name.includes(pattern);
}
