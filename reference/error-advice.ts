import type { ErrorCode } from "../src/engine/errors.ts";

/** Why an error comes, and what whoever meets it can do. Sentences. */
export interface Advice {
  readonly cause: string;
  readonly remedy: string;
}

/** What the page docs/errors.md says of each error. A new code does not compile before somebody has written that. */
export const ADVICE: Readonly<Record<ErrorCode, Advice>> = {
  invalid: {
    cause:
      "A field of the body, the query or a header is missing, unknown, of the wrong type, or over a limit. `details` names each field, " +
      "up to 100 of them, with a message and the `type` of the rule, such as `too_big`, `invalid_id`, `unrecognized_keys` or `wrong_object_type`. " +
      "The input of an app's action is held against its schema in the same way.",
    remedy:
      "Correct the named fields. [REST](rest.md) has every call's fields, [limits](limits.md) has the bounds, and `GET /apps/{name}` " +
      "has the schemas of an app's actions. Misspelt fields are refused on purpose.",
  },
  invalid_json: {
    cause: "The body is not UTF-8, is no JSON, was cut off, or is `null`.",
    remedy: "Send a JSON object. In a shell, put the body in single quotes, or in a file that `-d @file` reads.",
  },
  invalid_content_type: {
    cause:
      "A body came without `Content-Type: application/json`, compressed (`Content-Encoding`), or as a form with parts.",
    remedy:
      "Send the header, and the body as it is. A file is sent as its bytes, with its own type, and not as a form.",
  },
  payload_too_large: {
    cause:
      "The body has more bytes than `max_body_bytes`, or than the route takes; the headers have more than 16 KiB; an artifact has more " +
      "than `max_artifact_bytes`; or a bundle holds more than can be imported.",
    remedy: "Send less, send what is large as an [artifact](artifacts.md), or raise the option ([limits](limits.md)).",
  },
  not_found: {
    cause: "There is no such path, or no such API key, grant or file. `GET /` lists what paths there are.",
    remedy:
      "Look at the method and the path: the native API is below `/api/v1`. The name of an app has its slash as `%2F`.",
  },
  method_not_allowed: {
    cause: "The path exists, and does not take this method. The header `Allow` names those that it takes.",
    remedy: "Use one of these.",
  },
  request_timeout: {
    cause:
      "Headers or body did not arrive in time (10 s for headers, `body_timeout_seconds` for a body), the client did not take its " +
      "answer, or went away; or a task was canceled before it ran.",
    remedy: "Send it again, with the same `Idempotency-Key`. On slow lines raise `body_timeout_seconds`.",
  },
  unauthorized: {
    cause:
      "The server has API keys, and the request shows none, one that is malformed, unknown, revoked or expired, or two different ones in " +
      "`Authorization` and `X-API-Key`.",
    remedy:
      "Send `Authorization: Bearer sjn_…` or `X-API-Key: sjn_…`; commands take it from `SOJOURN_API_KEY`. " +
      "[Make a key](operations.md#how-do-i-make-rotate-and-revoke-api-keys) where there is none.",
  },
  forbidden: {
    cause:
      "The key lacks the scope that the call wants; or the call acts as a session (`X-Act-As-Session`) that has no right to what it " +
      "wants; or, in local mode, it comes through a proxy, from a foreign `Host` or `Origin`, or from a page of another site; or a file " +
      "is not below `artifact_roots`.",
    remedy:
      "Use a key with the scope that the message names; have the artifact shared with the session; in local mode call `127.0.0.1` directly, " +
      "or make a key first.",
  },
  rate_limited: {
    cause:
      "The key called this route more often within a minute than `rate_limit_reads` or `rate_limit_writes` allow, or too many keys that are " +
      "not good came from this address (`max_failed_attempts`).",
    remedy: "Wait as long as `Retry-After` says. `RateLimit-Remaining` tells before what is left.",
  },
  session_not_found: {
    cause:
      "No session has this name or `uid`, in the tenant of the key: it never was, was deleted, or is another tenant's, which gets the same answer.",
    remedy:
      "Look with `GET /sessions?search=…` or `sojourn sessions list`. After the newest session of a name was deleted, the older ones are " +
      "reached by their `uid` alone.",
  },
  no_session_found: {
    cause: "`GET /sessions/continue` found no active session of that user.",
    remedy: "Begin one with `POST /sessions`.",
  },
  invalid_session: {
    cause:
      "A chat named a session that does not exist or is not active, or the session ended while the answer was made; then nothing of the turn was kept.",
    remedy:
      "Resume a suspended session with `POST /sessions/{id}/resume`, or chat in another one. Without `session_id` a temporary one is made.",
  },
  artifact_not_found: {
    cause: "The session has no artifact of that id, it is not shared with whoever asks, or its bytes are gone.",
    remedy:
      "List them with `GET /sessions/{id}/artifacts`. The API goes by ids and not by names; commands take either.",
  },
  checkpoint_not_found: {
    cause:
      "The session has no checkpoint of the name that `at` gives. A number that is out of range is `VALIDATION_ERROR`.",
    remedy: "List them with `GET /sessions/{id}/checkpoints`; numbers go from 1 to the session's `version`.",
  },
  template_not_found: {
    cause: "Neither the tenant nor the configuration has a template of this name.",
    remedy: "List them with `GET /templates`, or set it with `PUT /templates/{template}`.",
  },
  checkpoint_exists: {
    cause: "A name of a checkpoint is given once in a session, and stays.",
    remedy: "Use another name. For the same moment there may be several.",
  },
  range_not_satisfiable: {
    cause: "A `Range` begins past the end of the artifact; `Content-Range` tells its size.",
    remedy: "Ask for bytes that it has, or for all of them.",
  },
  session_exists: {
    cause: "A session of that name is open, or the name is the `uid` of another session.",
    remedy:
      'Send `"if_exists": "return"` to get the open one, `getOrCreate` in the SDK; or end it first, or use another name.',
  },
  invalid_transition: {
    cause:
      "The session's status does not allow the call: what has ended (`completed`, `failed`, `expired`) can be read and not changed, what is " +
      "suspended must be resumed before it is used.",
    remedy: "Resume it, or go on from it in a fork: `POST /sessions/{id}/fork` works on sessions that have ended.",
  },
  precondition_failed: {
    cause: "The session has another version by now than `If-Match` says: somebody else wrote.",
    remedy: "Read the session again, look whether your change still makes sense, and send it with the new version.",
  },
  app_not_found: {
    cause: "No app of that name is there: neither among those that ship, nor in the places of `apps`.",
    remedy:
      "`sojourn apps list` or `GET /apps` tells which there are. In a path the slash is `%2F`: `/apps/infsh%2Fsession-test`.",
  },
  app_broken: {
    cause:
      "The files of the app can't be loaded: a fault in the code, a package that is missing, no main file, or kept files that are damaged. " +
      "The message says which.",
    remedy:
      "`sojourn apps check FOLDER` tells the same with all its lines. Mend the app; sessions that begin then get the new version.",
  },
  object_not_found: {
    cause:
      "An object that the input or the path names is not in this session. Objects of other sessions are not found either.",
    remedy:
      "List them with `GET /sessions/{id}/objects`. An object is used in the session that made it, or in a fork of that.",
  },
  agent_run_not_found: {
    cause: "The session has had no run of an agent, or has begun another since: it knows its newest alone.",
    remedy: "Read `GET /sessions/{id}/agent-runs/latest`. Of earlier runs the log tells, in operations of `agent.…`.",
  },
  task_not_found: {
    cause: "The session has no task of that id.",
    remedy: "List them with `GET /sessions/{id}/tasks`.",
  },
  task_failed: {
    cause:
      "The app said that it could not do what it was called for. Only clients that wait for a task meet it: over REST a failed task is an " +
      'answer with 200 and `status: "failed"`.',
    remedy:
      "Read `task.error`, which has the app's own message and [one of these codes](#what-the-error-of-a-task-says).",
  },
  task_canceled: {
    cause:
      'Somebody canceled the task that this client waits for, or another call took its place (`when_busy: "interrupt"`).',
    remedy: "Call again, if it is still wanted.",
  },
  version_mismatch: {
    cause: "A session stays on the version of an app that it began with, and the call asks for another.",
    remedy: "Leave `version` out to go on, or begin another session, which gets the newest.",
  },
  worker_lost: {
    cause:
      "The process that ran the app crashed, ran out of memory (`worker_memory_mib`), ran past its time, or was stopped with the server; or " +
      "what the app remembered is gone, and it refuses to go on without.",
    remedy:
      "Look at the task, whose error tells how it died. Call again: the next call gets a new worker. Where the message says so, begin a new " +
      'session, or send `"fresh": true` ([when a worker is lost](apps.md#when-a-worker-is-lost)).',
  },
  sandbox_missing: {
    cause: "`sandbox_minimum` asks for a better sandbox than this machine has.",
    remedy:
      "Install bubblewrap, or lower `sandbox_minimum` where the apps are your own. `sojourn doctor` tells which level there is.",
  },
  session_busy: {
    cause:
      '64 calls wait for the session\'s run slot already; or others run in it, and the call said `when_busy: "reject"`.',
    remedy:
      "Wait for some to finish, or leave `when_busy` out to wait in line. Work that need not share memory goes faster in several sessions.",
  },
  idempotency_mismatch: {
    cause: "The `Idempotency-Key` was used within 24 hours for another request: another path, or another body.",
    remedy: "Use a new key for each new request, and the same one only to repeat.",
  },
  limit_reached: {
    cause:
      "The tenant has as many active sessions as `max_sessions` allows, and none was idle for long enough to make room; or the session has as many artifacts, " +
      "bytes of them, or checkpoints as it may. The message names the limit.",
    remedy: "End or delete some, or raise the option ([limits](limits.md)).",
  },
  conflict: {
    cause: "Others wrote the same thing first, again and again.",
    remedy: "Send it again; with an `Idempotency-Key` it happens once.",
  },
  content_missing: {
    cause:
      "The bytes that a call refers to were removed while it ran, as when a session is exported and its artifacts deleted.",
    remedy: "Send it again, with the bytes where it brings some.",
  },
  content_damaged: {
    cause: "Bytes on the disk are not what was stored. Nothing of the damaged piece is given out.",
    remedy:
      "Store the same bytes again, or [restore a backup](operations.md#how-do-i-restore-a-backup). Look at the disk; `sojourn doctor` helps.",
  },
  storage_full: {
    cause: "The disk is full, or the database has grown to `max_store_bytes`. Reads still work.",
    remedy:
      "[Free some space](operations.md#what-to-do-when-the-disk-is-full), or raise the limit. Writes work again by themselves.",
  },
  store_unavailable: {
    cause:
      "The database does not answer, is damaged, or is about to close; or the server, or this client, is shutting down.",
    remedy: "Try again after `Retry-After`. Where it stays so, look at the server's log and at `sojourn doctor`.",
  },
  store_in_use: {
    cause: "Another process has the data directory, or another backup is under way.",
    remedy:
      "Use the running server with `--url` in place of `--data`, or stop it first. The message names the process.",
  },
  store_newer: {
    cause: "The data directory, backup or bundle was written by a newer release.",
    remedy: "Install that release, or a later one. Nothing was touched.",
  },
  overloaded: {
    cause:
      "There are more connections, requests in hand or bytes in hand than the server takes (`max_connections`, `max_requests_in_hand`, " +
      "`max_body_bytes_in_hand`), or it is shutting down.",
    remedy:
      "Try again after `Retry-After`; the SDK does so by itself. Where it lasts, raise the bound, or spread the load.",
  },
  model_failed: {
    cause:
      "The language model refused, failed, or did not answer within `model_timeout_seconds`. Nothing of the turn was kept.",
    remedy:
      "Say it again. Look at the key, the name and the address of the model (`model`, `model_api_key`, `model_base_url`), and at the maker's status.",
  },
  unreachable: {
    cause:
      "No answer came: nobody listens at the address, the connection broke, or `timeoutMs` passed. Whether a write was carried out, nobody knows.",
    remedy:
      "Look at `url`, and whether the server runs. Repeat a write under the same `idempotencyKey`: it happens once.",
  },
  internal: {
    cause:
      "Something broke on the server's side. The message says no more; the server's log has it under the `request_id`.",
    remedy: "Look there, and report it with what the log says.",
  },
};

/** What the codes that only the API of inference.sh has mean, with their status. */
export const OF_INFERENCE: Readonly<Record<string, Advice & { readonly status: number }>> = {
  SESSION_EXPIRED: {
    status: 410,
    cause: "The session was idle for longer than its timeout, or lived for longer than it may.",
    remedy: 'Begin a new one with `session: "new"`, and give it a longer `session_timeout`, or keep it alive.',
  },
  SESSION_ENDED: {
    status: 410,
    cause: "The session was ended, or ended in the middle of the call.",
    remedy: "Begin a new one.",
  },
  SESSION_SUSPENDED: {
    status: 409,
    cause: "The session is paused; that API has no call for it, the native one has.",
    remedy: "`POST /api/v1/sessions/{id}/resume`.",
  },
  APP_MISMATCH: {
    status: 400,
    cause: "In that API a session belongs to the app that it began with, and the call names another.",
    remedy: "Call that app, or begin a new session. Through the native API one session may use several apps.",
  },
  requirements_not_met: {
    status: 412,
    cause:
      "`satisfied` is false: what is missing before the call can be carried out stands in `errors`, such as the sandbox.",
    remedy: "See [SANDBOX_MISSING](#sandbox_missing), or [PRECONDITION_FAILED](#precondition_failed).",
  },
};

/** What the codes that only the routes of apps have mean, with their status. */
export const OF_APPS: Readonly<Record<string, Advice & { readonly status: number }>> = {
  WRONG_OBJECT_TYPE: {
    status: 400,
    cause:
      "An object that the body names is of another type than the action takes there, such as a whole tomato where slices are wanted.",
    remedy:
      "Take the step that makes that type first. The message names the field and the types; the native API says it with `VALIDATION_ERROR`.",
  },
};

/** What the codes in the `error` of a task mean. */
export const OF_TASKS: Readonly<Record<string, Advice>> = {
  app_failed: {
    cause:
      "The app threw, could not be loaded, or returned what is no JSON or does not fit its own output. `message` is the app's.",
    remedy: "Read the message; the session and its worker go on.",
  },
  invalid: {
    cause: "The input does not fit the action; `faults` names the fields.",
    remedy: "Correct them. `GET /apps/{name}` has the schema.",
  },
  object_not_found: {
    cause: "An object that the input names is not in this session. The call itself is refused with 404.",
    remedy: "See [OBJECT_NOT_FOUND](#object_not_found).",
  },
  output_too_large: {
    cause: "The output has more than 4 MiB of JSON.",
    remedy: "Have the app store it as an artifact, and return its id.",
  },
  timed_out: {
    cause: "The task took longer than `timeout_seconds`, or `task_timeout_seconds` of the server.",
    remedy: "Ask for more time, as far as the server allows, or for less work.",
  },
  worker_lost: {
    cause: "Its worker crashed, was killed for its memory, or was stopped. `message` says how.",
    remedy: "See [WORKER_LOST](#worker_lost).",
  },
  canceled: {
    cause: 'Somebody asked for that, or a call with `when_busy: "interrupt"` took its place.',
    remedy: "Call again, if it is still wanted.",
  },
  unknown: {
    cause: "The server stopped while it ran, so that nobody knows how far it came.",
    remedy: "Look at what it should have done, and call again. An action that `isIdempotent` is run again by itself.",
  },
};
