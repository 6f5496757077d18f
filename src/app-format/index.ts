export type { Action, AppDefinition, AppFrame, AsJson, Beginning, Context, Permissions, Returned } from "./app.ts";
export { action, defineApp, isApp, z } from "./define-app.ts";
export { type AppObject, idOf, type Objects, type ObjectType, objectType } from "./object.ts";
export type { Artifact, ArtifactDescription, Json, JsonObject, Message, Session } from "./session.ts";
