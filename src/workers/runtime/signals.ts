/**
 * Keeps an app from sending signals to what is not its own: the server, which runs as the same user, and whatever else that
 * user has. An app may signal itself and, where it may start processes, those that it has started. Loading it does it.
 */
import { ChildProcess } from "node:child_process";
import { constants } from "node:os";

type Signal = (pid: number, signal: number) => number;

const SELF = process.pid;

/** What this thread has started, and whether it is there. */
const started = new Map<number, "running" | "ended">();

if (process.permission.has("child")) noteChildren();

// `process.kill` goes through it.
const send = Reflect.get(process, "_kill") as Signal;
put("_kill", (pid: unknown, signal: unknown): number => {
  const target = Math.trunc(Number(pid));
  const fault = faultOf(target);
  return fault === undefined ? send(target, Number(signal)) : -fault;
});

const debug = Reflect.get(process, "_debugProcess") as ((pid: number) => void) | undefined;
put("_debugProcess", (pid: unknown): void => {
  const target = Math.trunc(Number(pid));
  if (faultOf(target) !== undefined) throw Object.assign(new Error("kill EPERM"), { code: "EPERM", syscall: "kill" });
  debug?.(target);
});

/** Why a process, or by a negative number a group, may not be signaled. */
function faultOf(target: number): number | undefined {
  if (target === SELF) return undefined;
  if (!process.permission.has("child")) return constants.errno.EPERM;
  // Its own group is that of the worker, and all that the worker started.
  if (target === 0 || target === -SELF) return undefined;
  const state = started.get(Math.abs(target));
  if (state === undefined) return constants.errno.EPERM;
  // Its number may be another's by now; its group may have others in it.
  return state === "ended" && target > 0 ? constants.errno.ESRCH : undefined;
}

function noteChildren(): void {
  const { prototype } = ChildProcess as unknown as { readonly prototype: object };
  const spawn = Reflect.get(prototype, "spawn") as (this: ChildProcess, options: unknown) => unknown;
  Reflect.set(prototype, "spawn", function (this: ChildProcess, options: unknown): unknown {
    const spawned = spawn.call(this, options);
    const { pid } = this;
    if (pid !== undefined) {
      started.set(pid, "running");
      this.once("exit", () => started.set(pid, "ended"));
    }
    return spawned;
  });
}

function put(name: string, value: unknown): void {
  Object.defineProperty(process, name, { value, writable: false, configurable: false });
}
