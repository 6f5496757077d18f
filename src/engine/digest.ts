/** BLAKE3 of the text's UTF-8 bytes, as 64 lower-case hex digits. */
export type Digest = (text: string) => string;
