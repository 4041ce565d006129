/**
 * Lives of containers under a daemon that is killed again and again: each is made, run, disturbed, ended and removed, and says
 * what of that did not come out as it had to. Requests that a killed daemon cut are asked again of the next.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually } from "../harness/mod.ts";

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface World {
  engine: Engine;
  random: Random;
  /** A directory of the host that containers may write to. */
  witness: string;
  /** No new life begins any more. */
  over: () => boolean;
  /** How many lives of each kind came to their end. */
  lived: Map<string, number>;
}

type Kind = (world: World, name: string) => Promise<void>;

const NEVER = "0001-01-01T00:00:00Z";
/** Longer than all the kills take: while daemons live only for a moment on a busy machine, a life may stand still. */
const PATIENCE = 6 * 60_000;

/** One life after another, of kinds that chance picks. @throws {Error} with the name of the life that went wrong. */
export async function live(world: World, slot: number): Promise<void> {
  const names = Object.keys(KINDS);
  for (let count = 0; !world.over(); count++) {
    // Every kind is lived at least once, whatever chance picks later.
    const pick = count === 0 ? slot % names.length : Math.floor(world.random() * names.length);
    const kind = names[pick] ?? "";
    const name = `${kind}-${slot}-${count}`;
    await KINDS[kind]?.(world, name).catch((error: unknown) => {
      throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    world.lived.set(kind, (world.lived.get(kind) ?? 0) + 1);
  }
}

const KINDS: Readonly<Record<string, Kind>> = {
  plain: async (world, name) => {
    const { lines, code } = plan(world);
    const id = await create(world, name, { Cmd: counting("line", lines, code) });
    await start(world, id);
    await expectEnd(world, id, code);
    await expectLog(world, id, numbered("line", lines, "\n"));
    await remove(world, id);
  },
  terminal: async (world, name) => {
    const { lines, code } = plan(world);
    const id = await create(world, name, { Tty: true, Cmd: counting("line", lines, code) });
    await start(world, id);
    await expectEnd(world, id, code);
    await expectLog(world, id, numbered("line", lines, "\r\n"));
    await remove(world, id);
  },
  disposable: async (world, name) => {
    const HostConfig = { AutoRemove: true, Binds: [`${world.witness}:/witness`] };
    const Cmd = shell(`${counting("line", 5, 0)[2]?.replace("exit 0", "")} echo ran >>/witness/${name}`);
    const id = await create(world, name, { Cmd, HostConfig });
    // As with Docker, the next daemon takes one away that was not started yet.
    if (!(await start(world, id, { mayBeGone: true }))) return;
    await eventually(
      "its removal",
      async () => (await ask(world, "GET", `/containers/${id}/json`)).status === 404,
      PATIENCE,
    );
    await expectWitness(world, name, "ran\n");
  },
  failing: async (world, name) => {
    const restarts = 1 + Math.floor(world.random() * 2);
    const { lines, code } = plan(world);
    const run = counting("run $n line", lines, code)[2];
    const Cmd = shell(`read n </runs; n=$((n+1)); echo $n >/runs; ${run}`);
    const RestartPolicy = { Name: "on-failure", MaximumRetryCount: restarts };
    const id = await create(world, name, { Cmd, HostConfig: { RestartPolicy } });
    await start(world, id);
    await expectEnd(world, id, code);
    const runs = Array.from({ length: restarts + 1 }, (_, index) =>
      numbered(`run ${index + 1} line`, lines, "\n"),
    );
    const read = (await output(world, id)).filter((line) => !line.includes("can't open"));
    same("its log", read, runs.flat());
    const { RestartCount } = await inspect(world, id);
    same("RestartCount", RestartCount, restarts);
    await remove(world, id);
  },
  returning: async (world, name) => {
    const Cmd = counting("line", 2, 0);
    const id = await create(world, name, { Cmd, HostConfig: { RestartPolicy: { Name: "unless-stopped" } } });
    await start(world, id);
    await eventually("a second run", async () => (await output(world, id)).length >= 4, PATIENCE);
    await stop(world, id);
    const { State } = await inspect(world, id);
    same("its status", State.Status, "exited");
    const lines = await output(world, id);
    const wanted = lines.map((_, index) => `line ${1 + (index % 2)}\n`);
    if (State.ExitCode === 0) same("its log", lines, wanted);
    await remove(world, id);
  },
  busy: async (world, name) => {
    const Cmd = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    const id = await create(world, name, { Cmd, HostConfig: { Binds: [`${world.witness}:/witness`] } });
    await start(world, id);
    await eventually("its trap", async () => (await output(world, id)).length === 1, PATIENCE);
    for (let count = 0; count < 3; count++) await execIn(world, id, `${name}-exec${count}`);
    await stop(world, id);
    same("its exit code", (await inspect(world, id)).State.ExitCode, 9);
    await remove(world, id);
  },
  renamed: async (world, name) => {
    const id = await create(world, name, { Cmd: ["sleep", "1000"] });
    await start(world, id);
    for (const next of [`${name}-b`, `${name}-c`]) {
      await ask(world, "POST", `/containers/${id}/rename?name=${next}`);
      same("its name", (await inspect(world, id)).Name, `/${next}`);
    }
    same("who has its first name", (await ask(world, "GET", `/containers/${name}/json`)).status, 404);
    await ask(world, "POST", `/containers/${id}/kill`);
    await expectEnd(world, id, 137);
    await remove(world, id);
  },
  paused: async (world, name) => {
    const { lines, code } = plan(world);
    const id = await create(world, name, { Cmd: counting("line", lines, code) });
    await start(world, id);
    await ask(world, "POST", `/containers/${id}/pause`);
    await Bun.sleep(world.random() * 300);
    await ask(world, "POST", `/containers/${id}/unpause`);
    await expectEnd(world, id, code);
    await expectLog(world, id, numbered("line", lines, "\n"));
    await remove(world, id);
  },
  removed: async (world, name) => {
    const id = await create(world, name, { Cmd: ["sleep", "1000"] });
    if (world.random() < 0.7) await start(world, id);
    await remove(world, id, "?force=1");
  },
};

function plan({ random }: World): { lines: number; code: number } {
  return { lines: 3 + Math.floor(random() * 12), code: 1 + Math.floor(random() * 100) };
}

function shell(script: string): string[] {
  return ["sh", "-c", script];
}

function counting(what: string, lines: number, code: number): string[] {
  return shell(
    `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo ${what} $i; sleep 0.1; done; exit ${code}`,
  );
}

function numbered(what: string, lines: number, end: string): string[] {
  return Array.from({ length: lines }, (_, index) => `${what} ${index + 1}${end}`);
}

interface Answer {
  status: number;
  text: string;
  json: unknown;
  /** A daemon was killed over it: what was asked for may have been done already. */
  cut: boolean;
}

async function ask({ engine }: World, method: string, path: string, body?: unknown): Promise<Answer> {
  const end = Date.now() + PATIENCE;
  for (let cut = false; ; cut = true) {
    try {
      const answer = await engine.request(method, path, body);
      if (answer.status >= 500) throw new WrongAnswer(`${method} ${path}: ${answer.status} ${answer.text}`);
      return { ...answer, cut };
    } catch (error) {
      if (error instanceof WrongAnswer || Date.now() > end) throw error;
      await Bun.sleep(10);
    }
  }
}

class WrongAnswer extends Error {}

function unexpected(what: string, { status, text, cut }: Answer): Error {
  return new Error(`${what} was answered by ${status} ${text}${cut ? " after a cut" : ""}`);
}

interface Inspected {
  Id: string;
  Name: string;
  RestartCount: number;
  State: { Status: string; ExitCode: number; StartedAt: string; Error: string };
}

async function inspect(world: World, name: string): Promise<Inspected> {
  const answer = await ask(world, "GET", `/containers/${name}/json`);
  if (answer.status !== 200) throw unexpected("inspect", answer);
  return answer.json as Inspected;
}

async function create(world: World, name: string, body: object): Promise<string> {
  const { HostConfig, ...config } = body as { HostConfig?: object };
  const request = { Image: "busybox", ...config, HostConfig: { NetworkMode: "none", ...HostConfig } };
  const answer = await ask(world, "POST", `/containers/create?name=${name}`, request);
  if (answer.status === 201) return (answer.json as { Id: string }).Id;
  if (answer.status === 409 && answer.cut) return (await inspect(world, name)).Id;
  throw unexpected("create", answer);
}

/** One that was cut may have been done, and the container have ended since: it is not started twice. */
async function start(world: World, id: string, { mayBeGone = false } = {}): Promise<boolean> {
  for (;;) {
    const answer = await world.engine.request("POST", `/containers/${id}/start`).catch(() => undefined);
    if (answer?.status === 204) return true;
    if (answer?.status === 404 && mayBeGone) return false;
    if (answer !== undefined) throw unexpected("start", { ...answer, cut: false });
    const seen = await ask(world, "GET", `/containers/${id}/json`);
    if (seen.status === 404 && mayBeGone) return false;
    if (seen.status !== 200) throw unexpected("inspect after a start that was cut", seen);
    if ((seen.json as Inspected).State.StartedAt !== NEVER) return true;
  }
}

async function stop(world: World, id: string): Promise<void> {
  const answer = await ask(world, "POST", `/containers/${id}/stop?t=5`);
  if (answer.status !== 204 && answer.status !== 304) throw unexpected("stop", answer);
}

async function remove(world: World, id: string, how = ""): Promise<void> {
  const answer = await ask(world, "DELETE", `/containers/${id}${how}`);
  if (answer.status !== 204 && !(answer.status === 404 && answer.cut)) throw unexpected("remove", answer);
  const { status } = await ask(world, "GET", `/containers/${id}/json`);
  same("whether it is gone", status, 404);
}

/** Starts a program in it that leaves a line; one that was answered has left it once, one that was cut at most once. */
async function execIn(world: World, id: string, name: string): Promise<void> {
  const made = await ask(world, "POST", `/containers/${id}/exec`, {
    Cmd: shell(`echo ran >>/witness/${name}`),
  });
  if (made.status !== 201) throw unexpected("exec", made);
  const { Id } = made.json as { Id: string };
  const answer = await ask(world, "POST", `/exec/${Id}/start`, { Detach: true });
  if (answer.status === 200) return expectWitness(world, name, "ran\n");
  // Docker, too, forgets execs when its daemon ends.
  if (answer.status !== 404 && !answer.cut) throw unexpected("exec start", answer);
  const text = await readFile(join(world.witness, name), "utf8").catch(() => "");
  if (text !== "" && text !== "ran\n") throw new Error(`${name} ran more than once: ${text}`);
}

async function expectWitness({ witness }: World, name: string, wanted: string): Promise<void> {
  const read = () => readFile(join(witness, name), "utf8").catch(() => "");
  await eventually(`the witness of ${name}`, async () => (await read()) !== "", PATIENCE);
  same("what it left", await read(), wanted);
}

async function expectEnd(world: World, id: string, code: number): Promise<void> {
  const answer = await ask(world, "POST", `/containers/${id}/wait`);
  if (answer.status !== 200) throw unexpected("wait", answer);
  const down = async () => !["restarting", "running"].includes((await inspect(world, id)).State.Status);
  await eventually("its end", down, PATIENCE);
  const { State } = await inspect(world, id);
  same("its state", [State.Status, State.ExitCode, State.Error], ["exited", code, ""]);
}

async function expectLog(world: World, id: string, wanted: readonly string[]): Promise<void> {
  same("its log", await output(world, id), wanted);
}

/** What its log holds, line by line. */
async function output({ engine }: World, id: string): Promise<string[]> {
  const file = join(engine.dataRoot, "containers", id, `${id}-json.log`);
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { log: string }).log);
}

function same(what: string, found: unknown, wanted: unknown): void {
  const [has, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (has !== should) throw new Error(`${what} is ${has}, and should be ${should}`);
}
