/** Receipt routes, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { Receipt } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import { boolParam } from "../query.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";

export interface ReceiptBackend {
  get(containerId: string): Promise<Receipt>;
  /** The receipt told as a story, in text; with `follow` as it happens, until the container has ended. */
  tell(
    containerId: string,
    options: { follow: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>>;
}

export function receiptRoutes(backend: ReceiptBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/containers/{id}/receipt",
      handler: (request, respond) => answer(backend, request, respond),
    },
  ];
}

/** JSON unless `format=text`; only text can be followed. */
async function answer(backend: ReceiptBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const id = param(request, "id");
  const follow = boolParam(request.query, "follow");
  const format = request.query.get("format") ?? "json";
  if (format === "text") {
    const story = await backend.tell(id, { follow }, request.http.signal);
    await respond.stream("text/plain; charset=utf-8", story);
    return;
  }
  if (format !== "json") {
    throw new FathomError(
      "invalid",
      `invalid format ${JSON.stringify(format)}: a receipt is given as json or text`,
    );
  }
  if (follow) throw new FathomError("invalid", "a receipt is followed as text only: ask for format=text");
  await respond.json(await backend.get(id));
}
