/** Routes about the files of a container, and what they need of the engine behind them. */

import type { FilesystemChange, PathStat } from "../../spec/docker_files.ts";
import { FathomError } from "../../std/errors.ts";
import { boolParam } from "../query.ts";
import { type ApiRequest, param, type Route } from "../route.ts";

type Archive = AsyncIterable<Uint8Array>;

/** Every id is an ID, an unambiguous prefix of one, or a name; not-found errors are thrown, for it and for paths in it. */
export interface FileBackend {
  stat(id: string, path: string): Promise<PathStat>;
  /** The archive is read to its end, or left early. */
  pack(id: string, path: string): Promise<{ stat: PathStat; archive: Archive }>;
  /** Reads a tar (plain, gzip or zstd) to its end. Throws invalid and forbidden. */
  unpack(
    id: string,
    to: { path: string; archive: Archive },
    options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean },
  ): Promise<void>;
  changes(id: string): Promise<FilesystemChange[]>;
  exported(id: string): Promise<Archive>;
}

const TAR = "application/x-tar";
const STAT = "X-Docker-Container-Path-Stat";

export function archiveRoutes(backend: FileBackend): Route[] {
  const pattern = "/containers/{id}/archive";
  return [
    {
      method: "HEAD",
      pattern,
      handler: async (request, respond) => {
        const stat = await backend.stat(param(request, "id"), pathParam(request));
        await respond.empty(200, { [STAT]: encoded(stat) });
      },
    },
    {
      method: "GET",
      pattern,
      handler: async (request, respond) => {
        const { stat, archive } = await backend.pack(param(request, "id"), pathParam(request));
        await respond.stream(TAR, archive, { [STAT]: encoded(stat) });
      },
    },
    {
      method: "PUT",
      pattern,
      handler: async (request, respond) => {
        const { query, http } = request;
        const options = {
          noOverwriteDirNonDir: boolParam(query, "noOverwriteDirNonDir"),
          copyUIDGID: boolParam(query, "copyUIDGID"),
        };
        const to = { path: pathParam(request), archive: http.body };
        await backend.unpack(param(request, "id"), to, options);
        await respond.empty(200);
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/changes",
      handler: async (request, respond) => {
        const changes = await backend.changes(param(request, "id"));
        await respond.json(changes.length === 0 ? null : changes);
      },
    },
    {
      method: "GET",
      pattern: "/containers/{id}/export",
      handler: async (request, respond) => {
        await respond.stream("application/octet-stream", await backend.exported(param(request, "id")));
      },
    },
  ];
}

function pathParam({ query }: ApiRequest): string {
  const path = query.get("path") ?? "";
  if (path === "") throw new FathomError("invalid", "bad parameter: path cannot be empty");
  if (path.includes("\0")) throw new FathomError("invalid", "bad parameter: path cannot hold a NUL byte");
  return path;
}

function encoded(stat: PathStat): string {
  return Buffer.from(JSON.stringify(stat)).toString("base64");
}
