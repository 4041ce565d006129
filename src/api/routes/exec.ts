/** Exec routes, and what they need of the engine behind them. */

import type { ExecCreateRequest, ExecInspect } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import { frame } from "../../std/stdcopy.ts";
import { boolParam, sizeParams } from "../query.ts";
import { execCreateRequest, execStartRequest } from "../requests.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route, readJson, requireJson } from "../route.ts";
import { olderThan } from "../version.ts";
import type { Attachment } from "./containers.ts";

export interface ExecBackend {
  create(containerId: string, request: ExecCreateRequest): Promise<{ Id: string }>;
  /** Starts it attached; the attachment is in place before the program runs. */
  start(id: string, options: { tty: boolean; consoleSize?: [number, number] }): Promise<Attachment>;
  startDetached(id: string): Promise<void>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  inspect(id: string): Promise<ExecInspect>;
}

export function execRoutes(backend: ExecBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/containers/{id}/exec",
      handler: async (request, respond) => {
        const wanted = await requireJson(request, execCreateRequest);
        if ((wanted.Cmd ?? []).length === 0) throw new FathomError("invalid", "No exec command specified");
        const { Id } = await backend.create(param(request, "id"), wanted);
        if (boolParam(request.query, "start")) await run(backend, { id: Id, ...wanted }, respond);
        else await respond.json({ Id }, 201);
      },
    },
    {
      method: "POST",
      pattern: "/exec/{id}/start",
      handler: (request, respond) => start(backend, request, respond),
    },
    {
      method: "POST",
      pattern: "/exec/{id}/resize",
      handler: async (request, respond) => {
        await backend.resize(param(request, "id"), sizeParams(request.query));
        await respond.empty(200);
      },
    },
    {
      method: "GET",
      pattern: "/exec/{id}/json",
      handler: async (request, respond) => respond.json(await backend.inspect(param(request, "id"))),
    },
  ];
}

/**
 * Creates and starts in one request, which is Fathom's own: Docker's engine does not know the parameter and answers with the ID
 * alone. Where output is framed, its last frame is the exit code.
 */
async function run(
  backend: ExecBackend,
  { id, Tty: tty = false }: ExecCreateRequest & { id: string },
  respond: Respond,
): Promise<void> {
  const { stream } = await backend.start(id, { tty });
  const exitFrame = async () => {
    const { ExitCode } = await backend.inspect(id);
    return frame("exit", new TextEncoder().encode(String(ExitCode ?? 0)));
  };
  await respond.hijack(stream, {
    framed: !tty,
    fields: { "Exec-Id": id },
    ...(!tty && { last: exitFrame }),
  });
}

async function start(backend: ExecBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const id = param(request, "id");
  const { Detach, Tty = false, ConsoleSize } = (await readJson(request, execStartRequest)) ?? {};
  if (Detach === true) {
    await backend.startDetached(id);
    await respond.empty(200);
    return;
  }
  // Before 1.42 the field meant nothing, and without a terminal there is nothing to size.
  const sized = ConsoleSize !== undefined && Tty && !olderThan(request.version, "1.42");
  const attachment = await backend.start(id, sized ? { tty: Tty, consoleSize: ConsoleSize } : { tty: Tty });
  await respond.hijack(attachment.stream, { framed: !attachment.tty });
}
