/** A server before a registry that does to its answers what a test asks for: breaks them off, changes bytes, refuses, redirects, lies. */

export interface Fault {
  /** Which requests: a part of the path, and how many of them from now on. */
  path: RegExp;
  method?: string;
  times: number;
  /** What happens to them. */
  act: (request: Request, pass: () => Promise<Response>) => Promise<Response>;
}

export interface FaultProxy extends AsyncDisposable {
  /** `localhost:PORT`. */
  host: string;
  /** Those that still wait for their requests. */
  faults: Fault[];
  /** Every request that came: method, path, and the header that was sent to it. */
  seen: { method: string; path: string; headers: Headers }[];
}

/** @param upstream `127.0.0.1:PORT`, without TLS */
export function startFaultProxy(upstream: string): FaultProxy {
  const faults: Fault[] = [];
  const seen: FaultProxy["seen"] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      seen.push({ method: request.method, path: pathname, headers: request.headers });
      const pass = () => forward(request, `http://${upstream}${pathname}${search}`);
      const fault = faults.find(
        ({ path, method = request.method }) => method === request.method && path.test(pathname + search),
      );
      if (fault === undefined) return pass();
      fault.times -= 1;
      if (fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
      return fault.act(request, pass);
    },
  });
  return { host: `localhost:${server.port}`, faults, seen, [Symbol.asyncDispose]: () => server.stop(true) };
}

async function forward(request: Request, url: string): Promise<Response> {
  const { method, headers } = request;
  const body = method === "GET" || method === "HEAD" ? undefined : await request.arrayBuffer();
  const reply = await fetch(url, { method, headers, body, redirect: "manual", decompress: false });
  return new Response(method === "HEAD" ? null : reply.body, {
    status: reply.status,
    headers: reply.headers,
  });
}

/** The answer's body, of which only the first bytes come before the connection breaks. */
export function cutAfter(bytes: number): Fault["act"] {
  return async (_, pass) => {
    const reply = await pass();
    const whole = new Uint8Array(await reply.arrayBuffer());
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(whole.subarray(0, bytes));
        await Bun.sleep(50);
        controller.error(new Error("cut"));
      },
    });
    const headers = new Headers(reply.headers);
    headers.delete("content-length");
    return new Response(body, { status: reply.status, headers });
  };
}

/** The answer's body with one byte changed. */
export const corrupted: Fault["act"] = async (_, pass) => {
  const reply = await pass();
  const whole = new Uint8Array(await reply.arrayBuffer());
  const at = Math.floor(whole.length / 2);
  whole[at] = (whole[at] ?? 0) ^ 0xff;
  return new Response(whole, { status: reply.status, headers: reply.headers });
};

/** Another answer in its place. */
export function answering(status: number, headers: Record<string, string> = {}, body = ""): Fault["act"] {
  return async () => new Response(body, { status, headers });
}
