/** Looks like an app to whoever looks for files, and is none. */
export const app: object = { name: "broken" };
