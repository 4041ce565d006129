/** Container routes, and what they need of the engine behind them. */

import type { Duplex } from "node:stream";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerTop,
  ContainerWaitResponse,
} from "../../spec/docker.ts";
import type { AttachOptions, LogOptions, StopOptions, WaitCondition } from "../../spec/docker_query.ts";
import { FathomError } from "../../std/errors.ts";
import { legacyContainer, legacyContainerSummary } from "../legacy.ts";
import { legacyCreate } from "../legacy_create.ts";
import { boolParam, filtersParam, intParam, sizeParams } from "../query.ts";
import { containerCreateRequest } from "../requests.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route, requireJson } from "../route.ts";
import { olderThan } from "../version.ts";

/** Docker's `filters` parameter after decoding: name to accepted values. */
export type Filters = Record<string, string[]>;

/** Both directions of an attached program, in place before the promise that gave it resolved. */
export interface Attachment {
  /** True: output is a terminal's raw bytes. False: it is framed as Docker's multiplexed stream (8-byte headers). */
  tty: boolean;
  /**
   * Reading gives output and ends when the program has ended and all is delivered; writing feeds standard input; ending the
   * writable half closes standard input (half-close). Destroying it detaches.
   */
  stream: Duplex;
}

/** Every id is an ID, an unambiguous prefix of one, or a name; not-found and conflict (ambiguous) errors are thrown. */
export interface ContainerBackend {
  create(
    request: ContainerCreateRequest,
    options: { name?: string; platform?: string },
  ): Promise<ContainerCreateResponse>;
  /** Throws `not-modified` when it runs already. */
  start(id: string): Promise<void>;
  /** Throws `not-modified` when it is stopped. */
  stop(id: string, options: StopOptions): Promise<void>;
  restart(id: string, options: StopOptions): Promise<void>;
  kill(id: string, signal?: string): Promise<void>;
  /** Resolves to a promise of the exit once the wait is registered, so that headers can go out in between. */
  wait(
    id: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ exit: Promise<ContainerWaitResponse> }>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  list(options: {
    all: boolean;
    limit: number;
    size: boolean;
    filters: Filters;
  }): Promise<ContainerSummary[]>;
  inspect(id: string, options: { size: boolean }): Promise<ContainerInspect>;
  /** The log as Docker streams it: raw when `tty`, framed otherwise. */
  logs(
    id: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<{ tty: boolean; output: AsyncIterable<Uint8Array> }>;
  attach(id: string, options: AttachOptions): Promise<Attachment>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  top(id: string, psArgs: string): Promise<ContainerTop>;
}

/** Containers as things; their streams are in streams.ts. */
export function containerRoutes(backend: ContainerBackend): Route[] {
  const action = (name: string, act: (id: string, query: URLSearchParams) => Promise<void>): Route => ({
    method: "POST",
    pattern: `/containers/{id}/${name}`,
    handler: async (request, respond) => {
      await act(param(request, "id"), request.query);
      await respond.empty(name === "resize" ? 200 : 204);
    },
  });
  return [
    {
      method: "POST",
      pattern: "/containers/create",
      handler: (request, respond) => create(backend, request, respond),
    },
    {
      method: "GET",
      pattern: "/containers/json",
      handler: async ({ query, version }, respond) => {
        const rows = await backend.list(listOptions(query));
        await respond.json(rows.map((row) => legacyContainerSummary(row, version)));
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/json",
      handler: async (request, respond) => {
        const size = boolParam(request.query, "size");
        const container = await backend.inspect(param(request, "id"), { size });
        await respond.json(legacyContainer(container, request.version));
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/top",
      handler: async (request, respond) => {
        const psArgs = request.query.get("ps_args") ?? "";
        await respond.json(await backend.top(param(request, "id"), psArgs === "" ? "-ef" : psArgs));
      },
    },
    {
      method: "POST",
      pattern: "/containers/{id}/start",
      handler: async (request, respond) => {
        refuseStartBody(request);
        await backend.start(param(request, "id"));
        await respond.empty(204);
      },
    },
    action("stop", (id, query) => backend.stop(id, stopOptions(query))),
    action("restart", (id, query) => backend.restart(id, stopOptions(query))),
    action("kill", (id, query) => backend.kill(id, textParam(query, "signal"))),
    action("resize", (id, query) => backend.resize(id, sizeParams(query))),
    action("rename", (id, query) => backend.rename(id, newName(query))),
    {
      // With --link the name of a link, web/alias.
      method: "DELETE",
      pattern: "/containers/{id*}",
      handler: async (request, respond) => {
        const { query } = request;
        const options = {
          force: boolParam(query, "force"),
          volumes: boolParam(query, "v"),
          link: boolParam(query, "link"),
        };
        await backend.remove(param(request, "id"), options);
        await respond.empty(204);
      },
    },
  ];
}

async function create(backend: ContainerBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const wanted = await requireJson(request, containerCreateRequest);
  if (Object.keys(wanted).every((key) => key === "HostConfig" || key === "NetworkingConfig")) {
    throw new FathomError("invalid", "config cannot be empty in order to create a container");
  }
  const options: { name?: string; platform?: string } = {};
  const name = textParam(request.query, "name");
  const platform = textParam(request.query, "platform");
  if (name !== undefined) options.name = name;
  if (platform !== undefined) options.platform = platform;
  await respond.json(await backend.create(legacyCreate(wanted, request.version), options), 201);
}

function listOptions(query: URLSearchParams): Parameters<ContainerBackend["list"]>[0] {
  const limit = Math.max(0, intParam(query, "limit") ?? 0);
  return {
    // The last N are the last N of all, running or not.
    all: boolParam(query, "all") || limit > 0,
    limit,
    size: boolParam(query, "size"),
    filters: filtersParam(query),
  };
}

function stopOptions(query: URLSearchParams): StopOptions {
  const options: StopOptions = {};
  const signal = textParam(query, "signal");
  const timeout = intParam(query, "t");
  if (signal !== undefined) options.signal = signal;
  if (timeout !== undefined) options.timeout = timeout;
  return options;
}

function newName(query: URLSearchParams): string {
  const name = textParam(query, "name");
  if (name === undefined) throw new FathomError("invalid", "Neither old nor new names may be empty");
  return name;
}

function textParam(query: URLSearchParams, name: string): string | undefined {
  const value = query.get(name);
  return value === null || value === "" ? undefined : value;
}

/** Until 1.24 start took a host configuration. Newer clients that send one would see it ignored: Docker refuses it. */
function refuseStartBody({ http, version }: ApiRequest): void {
  const tolerated = http.body.length !== undefined && http.body.length <= MAX_EMPTY_JSON;
  if (tolerated || olderThan(version, "1.24")) return;
  throw new FathomError(
    "invalid",
    "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
  );
}

/** Bytes that `{}` or `null` may take with blanks round them; a real object takes more. */
const MAX_EMPTY_JSON = 7;
