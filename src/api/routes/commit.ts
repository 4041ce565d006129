/** The route that makes an image of a container, and what it needs of the engine behind it. */

import type { ContainerConfig } from "../../spec/docker.ts";
import { boolParam } from "../query.ts";
import { containerCreateRequest } from "../requests.ts";
import { type ApiRequest, type Route, readJson } from "../route.ts";

export interface CommitBackend {
  /** Gives the image's ID. Throws not-found, conflict and invalid. */
  commit(
    id: string,
    options: {
      reference?: string;
      author: string;
      comment: string;
      pause: boolean;
      changes: string[];
      config: ContainerConfig;
    },
  ): Promise<string>;
}

export function commitRoutes(backend: CommitBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/commit",
      handler: async (request, respond) => {
        const config = (await readJson(request, containerCreateRequest)) ?? {};
        const { query } = request;
        const reference = referenceOf(request);
        const id = await backend.commit(query.get("container") ?? "", {
          ...(reference !== undefined && { reference }),
          author: query.get("author") ?? "",
          comment: query.get("comment") ?? "",
          pause: !query.has("pause") || boolParam(query, "pause"),
          changes: query.getAll("changes"),
          config,
        });
        await respond.json({ Id: id }, 201);
      },
    },
  ];
}

/** `repo` and `tag` as one. */
function referenceOf({ query }: ApiRequest): string | undefined {
  const repo = query.get("repo") ?? "";
  const tag = query.get("tag") ?? "";
  if (repo === "") return undefined;
  return tag === "" ? repo : `${repo}:${tag}`;
}
