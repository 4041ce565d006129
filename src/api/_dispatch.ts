/** From an HTTP request to a handler's answer, or to the answer for what it threw. */

import { messageOf } from "../std/errors.ts";
import { createRouter, versionOf } from "./_router.ts";
import type { HttpRequest, Reply } from "./http/mod.ts";
import { respondWith } from "./respond.ts";
import type { Route } from "./route.ts";
import { statusOf } from "./status.ts";
import { olderThan } from "./version.ts";

/** The HTTP handler of a set of routes. `report` gets the errors that are our own fault, and those that came too late. */
export function createDispatch(
  routes: Route[],
  report: (error: unknown) => void,
): (http: HttpRequest, reply: Reply) => Promise<void> {
  const route = createRouter(routes);
  return async (http, reply) => {
    try {
      const { handler, request } = route(http);
      const client = {
        upgrade: http.fields.has("upgrade"),
        knowsFraming: !olderThan(request.version, "1.42"),
      };
      await handler(request, respondWith(reply, client));
    } catch (error) {
      const status = statusOf(error);
      // A client that left is nobody's fault.
      const left = error === http.signal.reason;
      if (!left && (status === 500 || reply.started)) report(error);
      if (!reply.started) await sendError(http, reply, { status, message: messageOf(error) });
    }
  };
}

async function sendError(http: HttpRequest, reply: Reply, error: { status: number; message: string }) {
  if (error.status === 304) {
    await reply.send(304, {});
  } else if (olderThan(versionOf(http.target), "1.23")) {
    // Clients of that age print the body as it is.
    await reply.send(error.status, { "Content-Type": "text/plain; charset=utf-8" }, `${error.message}\n`);
  } else {
    const body = `${JSON.stringify({ message: error.message })}\n`;
    await reply.send(error.status, { "Content-Type": "application/json" }, body);
  }
}
