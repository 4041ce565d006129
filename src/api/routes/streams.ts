/** A container's streams: attach, logs, wait. The backend they need is that of containers.ts. */

import type { AttachOptions, LogOptions, WaitCondition } from "../../spec/docker_query.ts";
import { FathomError } from "../../std/errors.ts";
import { withoutFrames } from "../_unframed.ts";
import { boolParam, timeParam } from "../query.ts";
import { MULTIPLEXED_STREAM, RAW_STREAM, type Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";
import { olderThan } from "../version.ts";
import type { ContainerBackend } from "./containers.ts";

export function streamRoutes(backend: ContainerBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/containers/{id}/attach",
      handler: async (request, respond) => {
        const attachment = await backend.attach(param(request, "id"), attachOptions(request.query));
        const framed = !attachment.tty && !olderThan(request.version, "1.6");
        const stream = framed || attachment.tty ? attachment.stream : withoutFrames(attachment.stream);
        await respond.hijack(stream, { framed });
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/attach/ws",
      handler: async (request, respond) => {
        const { acceptWebSocket, overWebSocket } = await import("../websocket/mod.ts");
        const head = acceptWebSocket(request.http.fields);
        const { tty, stream } = await backend.attach(param(request, "id"), attachOptions(request.query));
        // Both outputs are one, without frames of Docker's: a WebSocket has its own.
        const text = olderThan(request.version, "1.28");
        await respond.switchTo(head, overWebSocket(tty ? stream : withoutFrames(stream), { text }));
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/logs",
      handler: async (request, respond) => {
        const { signal } = request.http;
        const { tty, output } = await backend.logs(param(request, "id"), logOptions(request.query), signal);
        const framed = !tty && !olderThan(request.version, "1.42");
        await respond.stream(framed ? MULTIPLEXED_STREAM : RAW_STREAM, output);
      },
    },
    {
      method: "POST",
      pattern: "/containers/{id}/wait",
      handler: (request, respond) => wait(backend, request, respond),
    },
  ];
}

function attachOptions(query: URLSearchParams): AttachOptions {
  const options: AttachOptions = {
    logs: boolParam(query, "logs"),
    stream: boolParam(query, "stream"),
    stdin: boolParam(query, "stdin"),
    stdout: boolParam(query, "stdout"),
    stderr: boolParam(query, "stderr"),
  };
  const detachKeys = query.get("detachKeys");
  if (detachKeys !== null && detachKeys !== "") options.detachKeys = detachKeys;
  return options;
}

function logOptions(query: URLSearchParams): LogOptions {
  const stdout = boolParam(query, "stdout");
  const stderr = boolParam(query, "stderr");
  if (!stdout && !stderr) {
    throw new FathomError("invalid", "Bad parameters: you must choose at least one stream");
  }
  const tail = query.get("tail") ?? "all";
  return {
    follow: boolParam(query, "follow"),
    stdout,
    stderr,
    timestamps: boolParam(query, "timestamps"),
    details: boolParam(query, "details"),
    since: timeParam(query, "since"),
    until: timeParam(query, "until"),
    // Docker takes whatever is no number for `all`.
    tail: /^\d{1,15}$/.test(tail) ? Number(tail) : "all",
  };
}

async function wait(backend: ContainerBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const conditional = !olderThan(request.version, "1.30");
  const condition = conditional ? waitCondition(request.query) : "not-running";
  const { exit } = await backend.wait(param(request, "id"), condition, request.http.signal);
  // The headers tell the client that it will not miss the exit; before 1.30 they came with it.
  if (conditional) await respond.stream("application/json", line(exit));
  else await respond.json(await exit);
}

function waitCondition(query: URLSearchParams): WaitCondition {
  const value = query.get("condition") ?? "";
  switch (value) {
    case "":
    case "not-running":
      return "not-running";
    case "next-exit":
    case "removed":
      return value;
    default:
      throw new FathomError("invalid", `invalid condition: ${JSON.stringify(value)}`);
  }
}

async function* line(value: Promise<unknown>): AsyncIterable<string> {
  yield `${JSON.stringify(await value)}\n`;
}
