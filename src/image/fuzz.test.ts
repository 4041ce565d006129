import { expect, test } from "bun:test";
import { fuzz } from "./fuzz.ts";

const SEED = Number(process.env.FATHOM_SEED ?? 1);

test(`archives, documents and references changed at random are read or refused in a sentence (FATHOM_SEED=${SEED})`, () => {
  expect(fuzz({ seed: SEED, rounds: 5000 })).toEqual([]);
});
