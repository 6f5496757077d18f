import { closeSync, fsyncSync, openSync, statfsSync, writeSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { median } from "./rounds.ts";
import { type FileSystem, fileSystemOf, scratchDirectory } from "./scratch.ts";

/** On what a benchmark ran; numbers mean nothing without it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly sqlite: string;
  readonly fileSystem: FileSystem;
  /** Median time to append a page of 4 KiB to a file and sync it. */
  readonly fsyncUs: number;
  /** Day of the run, in UTC. */
  readonly date: string;
}

/** Looks at this machine; takes a fraction of a second, for the fsyncs. */
export function describeMachine(): Machine {
  using scratch = scratchDirectory();
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    sqlite: process.versions["sqlite"] ?? "unknown",
    fileSystem: fileSystemOf(statfsSync(scratch.path).type),
    fsyncUs: fsyncUs(scratch.path),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The machine in one line. */
export function machineLine({
  cpu,
  cores,
  memoryBytes,
  platform,
  node,
  sqlite,
  fileSystem,
  fsyncUs,
  date,
}: Machine): string {
  const memory = `${Math.round(memoryBytes / 1_073_741_824)} GiB`;
  const disk = `${fileSystem}, fsync of 4 KiB ${Math.round(fsyncUs)} µs`;
  return `${date} · ${cpu}, ${cores} cores, ${memory} · ${platform} · Node ${node}, SQLite ${sqlite} · ${disk}`;
}

const FSYNCS = 300;

function fsyncUs(directory: string): number {
  const page = Buffer.alloc(4_096, 1);
  const fd = openSync(join(directory, "fsync"), "w");
  try {
    const timesUs = Array.from({ length: FSYNCS }, () => {
      writeSync(fd, page);
      const started = performance.now();
      fsyncSync(fd);
      return (performance.now() - started) * 1_000;
    });
    return median(timesUs);
  } finally {
    closeSync(fd);
  }
}
