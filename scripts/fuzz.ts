/**
 * Fuzzes what reads input from outside, for as long as it is let: `bun scripts/fuzz.ts [--seed N] [--rounds N]`.
 *
 * Prints the seed it begins with. A failure is printed with its own seed, and its input is written beside the current directory's files.
 */

import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { seed: { type: "string" }, rounds: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const rounds = Number(values.rounds ?? 1_000_000);
console.log(`seed ${seed}, ${rounds} rounds`);

const { fuzz } = await import("../src/image/fuzz.ts");
const failures = fuzz({ seed, rounds });
for (const { target, seed: own, error, input } of failures) {
  const path = `fuzz-${own}.bin`;
  await Bun.write(path, input);
  console.error(`${target}: --seed ${own} --rounds 1, input in ${path}:`, error);
}
process.exit(failures.length > 0 ? 1 : 0);
