/**
 * The same requests to Docker and to us: what inspect and the lists then say is the same, field by field, null and [] and absent
 * told apart. Both are asked as API v1.41, which is the newest that Docker 20.10 speaks. What is otherwise stands in KNOWN.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Engine, eventually, startDocker, startFathom, tarOf } from "../harness/mod.ts";
import { differences, type Names, normalised } from "./_compare.ts";
import { CONTAINERS, KNOWN } from "./_compared.ts";
import { ON_DOCKER } from "./client.ts";

let engines: { docker: Engine; fathom: Engine };
const names = { docker: [] as [string, string][], fathom: [] as [string, string][] };
const unused = new Set(Object.keys(KNOWN));

// It compares the two by itself.
const compared = describe.skipIf(ON_DOCKER);

beforeAll(async () => {
  if (ON_DOCKER) return;
  const [docker, fathom] = await Promise.all([
    startDocker({ bridged: true }),
    startFathom({ bridged: true }),
  ]);
  engines = { docker, fathom };
  for (const side of SIDES) {
    const { Id } = (await ask(side, "GET", "/images/busybox/json")) as { Id: string };
    names[side].push([engines[side].root, "ROOT"], [Id, "IMAGE"]);
    await ask(side, "POST", "/volumes/create", { Name: "named", Labels: { a: "b" }, DriverOpts: {} });
    for (const { Id, Name } of (await ask(side, "GET", "/networks")) as { Id: string; Name: string }[])
      names[side].push([Id, `NETWORK ${Name}`]);
  }
});
afterAll(async () => {
  if (ON_DOCKER) return;
  await Promise.all(SIDES.map((side) => engines[side][Symbol.asyncDispose]()));
});

const SIDES = ["docker", "fathom"] as const;
type Side = (typeof SIDES)[number];

async function ask(side: Side, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, json, text } = await engines[side].request(method, `/v1.41${path}`, body);
  if (status >= 400) throw new Error(`${side}: ${method} ${path}: ${status} ${text}`);
  return json;
}

/** Both answers, made comparable by what `pick` takes of them. */
async function same(path: string, pick = (value: unknown): unknown => value): Promise<void> {
  const [left, right] = await Promise.all(
    SIDES.map(async (side) => normalised(pick(await ask(side, "GET", path)), namesOf(side))),
  );
  const found = differences(left, right);
  for (const line of found) unused.delete(known(line) ?? "");
  expect(found.filter((line) => known(line) === undefined)).toEqual([]);
}

function known(line: string): string | undefined {
  return Object.keys(KNOWN).find((pattern) => new RegExp(`^${pattern}$`).test(line));
}

function namesOf(side: Side): Names {
  return names[side];
}

compared.each(Object.keys(CONTAINERS))("a container: %s", (name) => {
  const { request, start = true } = CONTAINERS[name] ?? { request: {} };

  test("is the same when it has been made", async () => {
    for (const side of SIDES) {
      const created = await ask(side, "POST", `/containers/create?name=${name}`, {
        Image: "busybox",
        ...request,
      });
      const { Id } = created as { Id: string };
      names[side].push([Id, `ID of ${name}`], [Id.slice(0, 12), `SHORT ID of ${name}`]);
    }
    await same(`/containers/${name}/json`);
  });

  test.if(start)("is the same while it runs", async () => {
    await Promise.all(SIDES.map((side) => ask(side, "POST", `/containers/${name}/start`)));
    if (name === "health")
      await Promise.all(
        SIDES.map((side) =>
          eventually("health", async () => {
            const { State } = (await ask(side, "GET", "/containers/health/json")) as {
              State: { Health: { Status: string } };
            };
            return State.Health.Status === "healthy";
          }),
        ),
      );
    await same(`/containers/${name}/json`, withoutPid);
    await same(`/containers/json?filters={"name":["^${name}$"]}`, withoutTime);
  });

  test.if(start)("is the same when it has ended", async () => {
    await Promise.all(SIDES.map((side) => ask(side, "POST", `/containers/${name}/kill`)));
    await Promise.all(SIDES.map((side) => ask(side, "POST", `/containers/${name}/wait`)));
    await same(`/containers/${name}/json`, withoutPid);
    await same(`/containers/json?all=1&filters={"name":["^${name}$"]}`, withoutTime);
  });
});

/** Without what depends on the moment: the process's number, and which probe is running, or was when the container ended. */
function withoutPid(value: unknown): unknown {
  const inspect = value as { State: { Pid: number; Health?: { Log: unknown[] } } };
  const { Health, Pid } = inspect.State;
  return {
    ...inspect,
    ...(Health && { ExecIDs: "" }),
    State: {
      ...inspect.State,
      Pid: Pid > 0 ? "PID" : Pid,
      Health: Health && { ...Health, FailingStreak: "", Log: Health.Log.slice(0, 1) },
    },
  };
}

function withoutTime(rows: unknown): unknown {
  return (rows as { Created: number }[]).map(({ Created, ...row }) => ({ ...row, Created: typeof Created }));
}

compared("beside containers", () => {
  test("images, volumes and networks are the same", async () => {
    await same("/images/busybox/json");
    await same("/images/json", (rows) => withoutTime(rows));
    await same("/volumes/named", (volume) => ({ ...(volume as object), CreatedAt: "" }));
    for (const name of ["none", "host", "bridge"]) await same(`/networks/${name}`);
  });

  test("images that Docker has built and committed are the same, once both have loaded them", async () => {
    const file =
      "FROM scratch\nLABEL a=b\nCOPY f /f\nENV A=b\nEXPOSE 80\nVOLUME /d\nUSER 1:2\nCMD x\nONBUILD ENV B=c\n";
    const context = tarOf([
      { path: "Dockerfile", content: file },
      { path: "f", content: "f" },
    ]);
    const { docker } = engines;
    await docker.request("POST", "/v1.41/build?t=built:1&networkmode=none", context);
    const id = await docker.output("docker", ["create", "built:1"]);
    await docker.output("docker", ["commit", "-m", "note", "-a", "me", "-c", "CMD y", id, "committed:1"]);
    await docker.output("docker", ["rm", id]);
    const archive = join(docker.root, "images.tar");
    await docker.output("docker", ["save", "-o", archive, "committed:1", "built:1"]);
    await docker.output("docker", ["rmi", "committed:1", "built:1"]);
    for (const side of SIDES) await engines[side].output("docker", ["load", "-i", archive]);
    for (const image of ["built:1", "committed:1"]) {
      await same(`/images/${image}/json`);
      await same(`/images/${image}/history`);
    }
  });

  test("the engine says of itself the same things", async () => {
    const keysAndTypes = (value: unknown) =>
      Object.fromEntries(Object.entries(value as object).map(([key, part]) => [key, kindOf(part)]));
    await same("/info", keysAndTypes);
    await same("/version", keysAndTypes);
  });

  test("an exec is the same before it runs, and after", async () => {
    const execs: Record<Side, string> = { docker: "", fathom: "" };
    const request = {
      Cmd: ["sh", "-c", "exit 3"],
      AttachStdout: true,
      Env: ["A=b"],
      User: "app",
      Tty: false,
    };
    for (const side of SIDES) {
      const { Id: id } = (await ask(side, "POST", "/containers/create?name=entered", {
        Image: "busybox",
        Cmd: ["sleep", "1000"],
      })) as { Id: string };
      await ask(side, "POST", "/containers/entered/start");
      const { Id } = (await ask(side, "POST", "/containers/entered/exec", request)) as { Id: string };
      execs[side] = Id;
      names[side].push([id, "ID of entered"], [id.slice(0, 12), "SHORT ID of entered"], [Id, "EXEC"]);
    }
    const compare = async () => {
      const [left, right] = await Promise.all(
        SIDES.map(async (side) => {
          const exec = (await ask(side, "GET", `/exec/${execs[side]}/json`)) as { Pid: number };
          return normalised({ ...exec, Pid: exec.Pid > 0 ? "PID" : exec.Pid }, namesOf(side));
        }),
      );
      expect(differences(left, right)).toEqual([]);
    };
    await compare();
    await same("/containers/entered/json", withoutPid);
    await Promise.all(SIDES.map((side) => engines[side].request("POST", `/exec/${execs[side]}/start`, {})));
    await compare();
  });

  test("every known difference is still one", () => {
    expect([...unused]).toEqual([]);
  });
});

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
