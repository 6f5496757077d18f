import mime from "mime";

/** The media type of a file, by the extension of its name. */
export function mimeTypeOf(name: string): string {
  return mime.getType(name) ?? "application/octet-stream";
}
