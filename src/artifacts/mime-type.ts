import mime from "mime";

/** The media type of a file, by the extension of its name. */
export function mimeTypeOf(name: string): string {
  // As a path: of a bare word it would take all for an extension.
  return mime.getType(`./${name}`) ?? "application/octet-stream";
}
