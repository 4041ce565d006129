/**
 * A daemon that is killed at 200 random moments, with twenty containers at every stage of their lives: none is lost, none runs
 * twice, no line is missing or doubled, and nothing is left. FATHOM_TEST_SEED replays the choices of a run, which prints its own;
 * FATHOM_TEST_KILLS changes how many there are.
 */

import { expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startFathom } from "../harness/mod.ts";
import { live, randomFrom, type World } from "./_lives.ts";

const SEED = Number(process.env.FATHOM_TEST_SEED ?? Date.now() % 1_000_000);
const KILLS = Number(process.env.FATHOM_TEST_KILLS ?? 200);
const SLOTS = 20;
/** A daemon lives at most so long, in milliseconds. */
const LONGEST_LIFE = 400;
const LIMIT = 10 * 60_000;

test(
  `a daemon killed ${KILLS} times loses no container, line or exit code, and leaves nothing behind (FATHOM_TEST_SEED=${SEED})`,
  async () => {
    console.log(`FATHOM_TEST_SEED=${SEED}`);
    await using engine = await startFathom();
    const witness = join(engine.root, "witness");
    await mkdir(witness);
    let killing = true;
    const failures: unknown[] = [];
    const world = {
      engine,
      witness,
      lived: new Map<string, number>(),
      over: () => !killing || failures.length > 0,
    };
    const lives = Array.from({ length: SLOTS }, (_, slot) => {
      const own: World = { ...world, random: randomFrom(SEED + slot + 1) };
      return live(own, slot).catch((error) => failures.push(error));
    });
    const random = randomFrom(SEED);
    for (let kills = 0; kills < KILLS && failures.length === 0; kills++) {
      await Bun.sleep(random() * LONGEST_LIFE);
      await engine.kill();
      // Some die while they take over what they found.
      await engine.start({ wait: random() < 0.7 });
    }
    killing = false;
    await engine.kill();
    await engine.start();
    await Promise.all(lives);
    expect(failures.map(String)).toEqual([]);
    console.log([...world.lived].map(([kind, count]) => `${kind} ${count}`).join(", "));

    expect((await engine.request("GET", "/containers/json?all=1")).json).toEqual([]);
    await engine.stop();
    expect(await readdir(join(engine.dataRoot, "containers"))).toEqual([]);
    expect(await readdir(join(engine.dataRoot, "layers", "ingest"))).toEqual([]);
    expect(await readdir(join(engine.execRoot, "bundles"))).toEqual([]);
    // The last shims end by themselves, just after the engine.
    await eventually(
      "the shims' end",
      async () => (await readdir(join(engine.execRoot, "shims"))).length === 0,
    );
  },
  LIMIT,
);
