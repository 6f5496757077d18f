/** Runs every benchmark, one after another, and writes `docs/benchmarks.md`. */
import { writeFileSync } from "node:fs";
import { claimTable } from "./claim.ts";
import { measureHttp } from "./http.ts";
import { measureListing } from "./listing.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { measureOperations } from "./operations.ts";
import { measureStartup } from "./startup.ts";

const machine = machineLine(describeMachine());
const table = claimTable([
  ...(await measureOperations()),
  ...(await measureHttp()),
  ...(await measureListing()),
  ...(await measureStartup()),
]);

writeFileSync(
  new URL("../docs/benchmarks.md", import.meta.url),
  `# Benchmarks

Written by \`npm run bench\`. Each number is the median of seven rounds (of five starts, for startup), after one to warm up;
ours and raw take turns, and *ratio* is the median of the rounds' ratios. Raw is the least that does the same: for
operations, a loop over \`node:sqlite\` with our schema and durability, 64 operations a transaction; for HTTP, a bare Hono
app that answers the same bodies. For a list, ours is a page of 50 far down and raw the first page of the same list, both
from memory, among 1,000,000 sessions; for startup and memory, raw is the same server on an empty directory. A line
without an aim only informs.

${machine}

${table}`,
);
process.stdout.write(`${machine}\n\n${table}`);
