import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makePlace, makeServer, type Place, queryFor, replyTo, shown } from "../dns/test_support.ts";
import { containerIn, eventually, makeRootfs, privateMemory, untilGone } from "./_fixtures.ts";
import { type ShimPool, shims } from "./client.ts";
import type { Shim } from "./handle.ts";

/** A shim that dozes after a tenth of a second. */
const COMMAND = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "_test_native.ts"),
];

let directory = "";
let pool: ShimPool;
beforeAll(async () => {
  directory = mkdtempSync("/tmp/fathom-test-shim-");
  makeRootfs(directory);
  pool = await shims({ runDirectory: join(directory, "run"), command: COMMAND });
});
afterAll(async () => {
  await pool.close();
  rmSync(directory, { recursive: true });
});

async function end(shim: Shim): Promise<void> {
  await shim.signal(9, {});
  await shim.exited;
  shim.close();
}

function tablesIn(stack: AsyncDisposableStack): Place {
  const place = makePlace(stack);
  place.writeContainer({});
  place.writeNetwork("n1", { network: "back", names: { db: ["10.0.0.4"] }, hosts: {} });
  return place;
}

async function addressOf(place: Place, name: string): Promise<string[]> {
  return shown(await place.ask(queryFor(name))).records;
}

const dozes = ({ pid }: Shim): boolean => readFileSync(`/proc/${pid}/wchan`, "utf8").startsWith("poll_");

describe("the shim of a container with names", () => {
  test("answers from the moment its program runs until that has ended, and then leaves the network", async () => {
    await using stack = new AsyncDisposableStack();
    const place = tablesIn(stack);
    const shim = await pool.take();
    const names = { namespace: place.namespace, table: place.table };
    await shim.launch(containerIn(directory, "sleep 1000", { names }));
    expect(await addressOf(place, "db")).toEqual(["10.0.0.4"]);
    await shim.signal(9, {});
    await shim.exited;
    expect(await place.ask(queryFor("db"), 50)).toBeUndefined();
    shim.close();
    // Nothing of it is left to the container that comes next.
    const next = await pool.take();
    expect(next.pid).toBe(shim.pid);
    await next.launch(containerIn(directory, "sleep 1000"));
    expect(await place.ask(queryFor("db"), 50)).toBeUndefined();
    await end(next);
  });

  test("answers while it dozes, before and after, what the tables say by then", async () => {
    await using stack = new AsyncDisposableStack();
    const place = tablesIn(stack);
    const shim = await pool.take();
    const names = { namespace: place.namespace, table: place.table };
    await shim.launch(containerIn(directory, "sleep 1000", { names }));
    for (const last of [4, 5, 6]) {
      place.writeNetwork("n1", { network: "back", names: { db: [`10.0.0.${last}`] }, hosts: {} });
      expect(await eventually(() => dozes(shim), 5000)).toBeTrue();
      // Tables are looked at every few milliseconds.
      await Bun.sleep(10);
      expect(await addressOf(place, "db")).toEqual([`10.0.0.${last}`]);
      // It goes on dozing, sooner than one that has woken could do so again; and it wakes for what is no question.
      expect(await eventually(() => dozes(shim), 80)).toBeTrue();
      if (last === 5) await shim.signal(0, {});
    }
    // What answering took it gives back when nobody has asked for a while.
    const large = privateMemory(shim.pid);
    expect(await eventually(() => privateMemory(shim.pid) < large * 0.75, 5000)).toBeTrue();
    expect(await addressOf(place, "db")).toEqual(["10.0.0.6"]);
    await end(shim);
  });

  test("asks others for it while it dozes", async () => {
    await using stack = new AsyncDisposableStack();
    const place = tablesIn(stack);
    const good = await makeServer(stack, (query) => [replyTo(query, "192.0.2.1")]);
    const silent = await makeServer(stack, () => []);
    place.writeContainer({ servers: [silent, good] });
    const shim = await pool.take();
    const names = { namespace: place.namespace, table: place.table };
    await shim.launch(containerIn(directory, "sleep 1000", { names }));
    expect(await eventually(() => dozes(shim), 5000)).toBeTrue();
    expect(shown(await place.ask(queryFor("example.com"), 4000)).records).toEqual(["192.0.2.1"]);
    expect(await eventually(() => dozes(shim), 80)).toBeTrue();
    await end(shim);
  });

  test("answers when no daemon is there", async () => {
    await using stack = new AsyncDisposableStack();
    const place = tablesIn(stack);
    const others = await shims({ runDirectory: join(directory, "other"), command: COMMAND });
    const shim = await others.take();
    const names = { namespace: place.namespace, table: place.table };
    await shim.launch(containerIn(directory, "sleep 1", { names }));
    shim.close();
    await others.close();
    expect(await addressOf(place, "db")).toEqual(["10.0.0.4"]);
    expect(await untilGone(shim.pid)).toBeTrue();
  });

  test("begins to answer when it is asked to later", async () => {
    await using stack = new AsyncDisposableStack();
    const place = tablesIn(stack);
    const shim = await pool.take();
    const names = { namespace: place.namespace, table: place.table };
    await expect(shim.resolve(names)).rejects.toMatchObject({ kind: "conflict" });
    await shim.launch(containerIn(directory, "sleep 1000"));
    await shim.resolve(names);
    await shim.resolve(names);
    expect(await addressOf(place, "db")).toEqual(["10.0.0.4"]);
    await end(shim);
  });

  test("does not start a program without the network that names are for", async () => {
    const shim = await pool.take();
    const names = { namespace: join(directory, "nowhere"), table: join(directory, "none") };
    const launch = containerIn(directory, "sleep 1000", { names });
    await expect(shim.launch(launch)).rejects.toThrow("nowhere");
    shim.close();
  });
});
