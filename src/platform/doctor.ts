import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Config } from "../config/config.ts";
import { SojournError } from "../engine/errors.ts";
import type { AccessMode } from "../engine/key.ts";
import { isLoopback } from "../http/edge.ts";
import { type Inspection, inspectStore } from "../store/sqlite/index.ts";
import { probeSandbox, reaches } from "../workers/sandbox.ts";
import { examineApps } from "./doctor-apps.ts";
import { modelOf } from "./open-engine.ts";
import { systemClock } from "./ports.ts";

/** What one check found. A finding that is not `ok` says what to do. */
export type Finding =
  | { readonly check: string; readonly state: "ok"; readonly found: string }
  | { readonly check: string; readonly state: "warning" | "problem"; readonly found: string; readonly remedy: string };

type Closed = Extract<Inspection, { readonly state: "closed" }>;

const NODE_MAJOR_MIN = 24;
const GIB = 1_073_741_824;
const SPACE_LOW = GIB;
const SPACE_OUT = GIB / 16;
const WAL_LARGE = GIB;
const FILES_LOW = 4_096;
const FSYNC_SLOW_MS = 20;
const FSYNCS = 9;

/** File systems, by the number that statfs(2) gives, on which a store is not safe. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB",
  1702057286: "FUSE",
};
const TMPFS = 0x01021994;

/**
 * Looks for what is wrong, or soon will be, with this machine, this store and this configuration. Changes nothing; where
 * no server runs it writes and removes a small file to time the disk.
 *
 * @param thorough  check the whole database file, which takes long for a large one
 */
export async function* examine(config: Config, { thorough }: { readonly thorough: boolean }): AsyncGenerator<Finding> {
  yield node();
  yield openFiles();
  yield durability(config);
  yield model(config);
  yield sandbox(config);
  yield* examineApps(config);
  yield* directory(config.data);
  yield* store(config, thorough);
  yield await port(config);
}

function node(): Finding {
  const found = `Node ${process.version} on ${process.platform} ${process.arch}`;
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) return { check: "node", state: "ok", found };
  return { check: "node", state: "problem", found, remedy: `Use Node ${NODE_MAJOR_MIN} or newer` };
}

function openFiles(): Finding {
  // NOTE: Node's own report; its type is not declared.
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = userLimits?.open_files?.soft;
  if (soft === undefined) return { check: "open files", state: "ok", found: "no limit is known" };
  const found = `${soft} at once`;
  if (!(Number(soft) < FILES_LOW)) return { check: "open files", state: "ok", found };
  const remedy = `Each connection takes one: raise the limit with ulimit -n, or LimitNOFILE of systemd, to ${FILES_LOW} or more`;
  return { check: "open files", state: "warning", found, remedy };
}

function durability({ durability: chosen }: Config): Finding {
  if (chosen === "full")
    return { check: "durability", state: "ok", found: "full: an acknowledged write survives power loss" };
  const remedy = "Choose durability = full wherever the data matters";
  return { check: "durability", state: "warning", found: "none: the latest writes go with the power", remedy };
}

/** Asks the model nothing: whether its key is good is seen with the first chat. */
function model(config: Config): Finding {
  const { model: name, modelApiKey } = config;
  const check = "model";
  if (name === undefined) {
    return { check, state: "ok", found: "the built-in responder answers chats; it is no language model" };
  }
  try {
    modelOf(config);
  } catch (error) {
    if (!(error instanceof SojournError)) throw error;
    const found = `${name} can't be asked: the server will not start`;
    const remedy = error.faults.map(({ field, message }) => `${field} ${message}`).join("; ");
    return { check, state: "problem", found, remedy };
  }
  return { check, state: "ok", found: `${name} answers chats, asked ${modelApiKey ? "with" : "without"} a key` };
}

function sandbox({ sandbox: wanted, sandboxMinimum: minimum }: Config): Finding {
  const check = "sandbox";
  const { level, missing } = probeSandbox(wanted);
  const found = `${level}${missing === undefined ? "" : `, and not bubblewrap: ${missing}`}`;
  if (!reaches(level, minimum)) {
    const remedy = `No app runs below sandbox_minimum, which is ${minimum}: install bubblewrap, or lower it`;
    return { check, state: "problem", found, remedy };
  }
  if (missing === undefined || wanted === "process") return { check, state: "ok", found };
  const remedy = "Install bubblewrap where apps are not your own: Node's permissions are no boundary by themselves";
  return { check, state: "warning", found, remedy };
}

function* directory(path: string): Generator<Finding> {
  const check = "data directory";
  const existing = nearestExisting(path);
  if (!statSync(existing).isDirectory()) {
    yield { check, state: "problem", found: `${existing} is not a directory`, remedy: "Choose another with --data" };
    return;
  }
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    const remedy = `Give the user who runs Sojourn the right to write there, or choose another directory with --data`;
    yield { check, state: "problem", found: `${existing} can't be written`, remedy };
    return;
  }
  const mode = statSync(existing).mode & 0o777;
  if (existing !== path) yield { check, state: "ok", found: `${path} will be made at the first start` };
  else if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    const found = `${path} is open to other users (mode ${mode.toString(8)})`;
    yield { check, state: "warning", found, remedy: `chmod 700 ${path}` };
  } else yield { check, state: "ok", found: path };
  yield* disk(existing);
}

function* disk(path: string): Generator<Finding> {
  const { bavail, bsize, type } = statfsSync(path);
  const free = bavail * bsize;
  const found = `${(free / GIB).toFixed(1)} GiB are free`;
  const remedy = "Make room: writes are refused once the disk is full, while reads go on";
  if (free >= SPACE_LOW) yield { check: "space", state: "ok", found };
  else yield { check: "space", state: free < SPACE_OUT ? "problem" : "warning", found, remedy };
  const network = NETWORK_FILE_SYSTEMS[type];
  if (network !== undefined) {
    const remedy = "Keep the data on a local disk: the locks and shared memory of SQLite do not work across a network";
    yield { check: "file system", state: "problem", found: network, remedy };
  } else if (type === TMPFS) {
    const remedy = "Keep the data on a disk, unless they may go with the next restart of the machine";
    yield { check: "file system", state: "warning", found: "tmpfs, which lives in memory", remedy };
  } else yield { check: "file system", state: "ok", found: "local" };
  const ms = fsyncMs(path);
  const speed = `a write takes ${ms.toFixed(1)} ms to be durable`;
  if (ms < FSYNC_SLOW_MS) yield { check: "disk", state: "ok", found: speed };
  else
    yield {
      check: "disk",
      state: "warning",
      found: speed,
      remedy: "Use a faster disk: each group of writes waits for it once",
    };
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

/** The median time until a small write is on the disk, in milliseconds. */
function fsyncMs(path: string): number {
  const file = join(path, `.sojourn-doctor-${process.pid}`);
  const fd = openSync(file, "wx", 0o600);
  try {
    const times = Array.from({ length: FSYNCS }, (_, i) => {
      const started = performance.now();
      writeSync(fd, Buffer.alloc(4_096, i));
      fsyncSync(fd);
      return performance.now() - started;
    });
    return times.sort((a, b) => a - b)[FSYNCS >> 1] ?? 0;
  } finally {
    closeSync(fd);
    rmSync(file);
  }
}

function store(config: Config, thorough: boolean): readonly Finding[] {
  const check = "store";
  if (!statSync(config.data, { throwIfNoEntry: false })?.isDirectory())
    return [{ check, state: "ok", found: "empty" }, ...reach(config)];
  const seen = inspectStore(config.data, { now: systemClock.now(), thorough });
  switch (seen.state) {
    case "empty":
      return [{ check, state: "ok", found: "empty" }, ...reach(config)];
    case "in_use":
      return [{ check, state: "ok", found: `${seen.message}; stop it to have the file checked` }];
    case "newer": {
      const found = `it has schema version ${seen.schema}, and this release knows ${seen.known}`;
      return [{ check, state: "problem", found, remedy: "Use the release that wrote it, or a newer one" }];
    }
    case "closed":
      break;
  }
  if (seen.faults.length > 0) {
    const remedy = "Keep a copy of the directory, and restore the last backup into a fresh one (sojourn restore)";
    return [{ check, state: "problem", found: `the database is damaged: ${seen.faults.join("; ")}`, remedy }];
  }
  const found = `${seen.sessions} sessions in ${(seen.bytes / GIB).toFixed(2)} GiB, whole`;
  const wal: readonly Finding[] =
    seen.walBytes < WAL_LARGE
      ? []
      : [
          {
            check: "write-ahead log",
            state: "warning",
            found: `${(seen.walBytes / GIB).toFixed(1)} GiB`,
            remedy: "Start and stop the server once: it moves the log into the database when it closes",
          },
        ];
  return [{ check, state: "ok", found }, ...wal, ...artifacts(seen), ...keys(config, seen)];
}

function artifacts({ contents, lost }: Pick<Closed, "contents" | "lost">): readonly Finding[] {
  const check = "artifacts";
  if (contents === 0) return [];
  if (lost.files === 0) return [{ check, state: "ok", found: `${contents} contents, each with its bytes` }];
  const found = `of ${contents} contents the files of ${lost.files} are missing or cut off: ${lost.names.join(", ")}`;
  const remedy =
    "Copy the files of these names from a backup that was restored elsewhere (sojourn restore) into blobs/";
  return [{ check, state: "problem", found, remedy }];
}

function keys(
  config: Config,
  { mode, admins }: { readonly mode: AccessMode; readonly admins: number },
): readonly Finding[] {
  if (mode === "local") return reach(config);
  if (admins > 0) return [{ check: "keys", state: "ok", found: "every request needs one" }];
  const remedy = "sojourn keys create --scopes admin --data DIR";
  return [{ check: "keys", state: "warning", found: "none that is good has the scope admin", remedy }];
}

function reach({ host, firstKey }: Config): readonly Finding[] {
  const isHere = isLoopback(host.includes(":") ? `[${host}]` : host);
  if (isHere || firstKey !== undefined) return [{ check: "keys", state: "ok", found: `local mode, on ${host}` }];
  const found = `there is no API key, and host = ${host} lets other machines in: the server will not start`;
  return [{ check: "keys", state: "problem", found, remedy: "sojourn keys create --data DIR, or listen on 127.0.0.1" }];
}

async function port({ host, port: wanted }: Config): Promise<Finding> {
  const check = "port";
  if (wanted === 0) return { check, state: "ok", found: "any that is free" };
  const code = await listenFault(host, wanted);
  if (code === undefined) return { check, state: "ok", found: `${wanted} is free on ${host}` };
  const service = code === "EADDRINUSE" ? await sojournAt(host, wanted) : undefined;
  if (service !== undefined) return { check, state: "ok", found: `${service} answers on ${host}:${wanted}` };
  const found = `cannot listen on ${host} port ${wanted} (${code})`;
  const remedy = REMEDIES[code] ?? "Choose another address with --host, or another port with --port";
  return { check, state: "problem", found, remedy };
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: "Stop the program that has it, or choose another with --port",
  EACCES: "Choose a port from 1024 on with --port",
  EADDRNOTAVAIL: "This machine does not have this address: choose another with --host",
};

function listenFault(host: string, wanted: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen(wanted, host, () => server.close(() => resolve(undefined)));
  });
}

async function sojournAt(host: string, wanted: number): Promise<string | undefined> {
  try {
    const at = isLoopback(host) ? host : "127.0.0.1";
    const answer = await fetch(`http://${at}:${wanted}/api/v1/health`, { signal: AbortSignal.timeout(2_000) });
    // NOTE: read with care, since any program may answer here.
    const { service, version } = (await answer.json()) as { service?: unknown; version?: unknown };
    return service === "sojourn" ? `Sojourn ${version}` : undefined;
  } catch {
    return undefined;
  }
}
