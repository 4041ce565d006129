/** Routes that speak to registries, and what they need of the engine behind them. */

import type { ProgressMessage } from "../../spec/docker_progress.ts";
import type {
  AuthConfig,
  DistributionInspect,
  ImageSearchResult,
  ManifestPush,
  RegistryManifest,
} from "../../spec/docker_registry.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import { filled, list, map, object, type Shape, text } from "../../std/shape.ts";
import { filtersParam, intParam } from "../query.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route, requireJson } from "../route.ts";
import type { Filters } from "./containers.ts";

/** Who asks a registry. */
export interface RegistryAuth {
  /** For the registry that is asked. */
  auth: AuthConfig;
  /** By host, for mirrors. */
  others: Record<string, AuthConfig>;
}

export interface TransferRequest extends RegistryAuth {
  /** A name, which may have a tag or a digest. */
  image: string;
  /** "" for what the name says; a pull and a push of a name without either are of all its tags. */
  tag: string;
  /** `os/architecture`; "" for this host's. */
  platform: string;
}

export interface SearchOptions extends RegistryAuth {
  /** How many at most, 1 to 100. */
  limit: number;
  filters: Filters;
}

/** What is thrown before the first message is answered with a status of its own. */
export interface RegistryBackend {
  pull(request: TransferRequest, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  push(request: TransferRequest, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  login(auth: AuthConfig, signal: AbortSignal): Promise<{ Status: string; IdentityToken: string }>;
  search(term: string, options: SearchOptions, signal: AbortSignal): Promise<ImageSearchResult[]>;
  distribution(name: string, auth: RegistryAuth, signal: AbortSignal): Promise<DistributionInspect>;
  /** Puts a list of manifests under a name. */
  putManifest(
    name: string,
    request: RegistryAuth & { pushed: ManifestPush },
    signal: AbortSignal,
  ): Promise<{ Digest: string }>;
  /** The manifest itself; of an index those of its images too. */
  manifest(name: string, auth: RegistryAuth, signal: AbortSignal): Promise<RegistryManifest>;
}

const AUTH: Shape<AuthConfig> = object<AuthConfig>({
  username: text,
  password: text,
  auth: text,
  serveraddress: text,
  identitytoken: text,
  registrytoken: text,
});

const MANIFEST_PUSH: Shape<ManifestPush> = object<ManifestPush>({
  MediaType: filled(text),
  Raw: filled(text),
  Images: filled(
    list(
      object<ManifestPush["Images"][number]>({
        Ref: filled(text),
        MediaType: filled(text),
        Raw: filled(text),
      }),
    ),
  ),
});

export function registryRoutes(backend: RegistryBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/images/search",
      handler: async (request, respond) => {
        const { query, http } = request;
        const options = { ...authOf(request), limit: limitOf(request), filters: filtersParam(query) };
        await respond.json(await backend.search(query.get("term") ?? "", options, http.signal));
      },
    },
    {
      method: "POST",
      pattern: "/images/{name*}/push",
      handler: async (request, respond) => {
        const transfer = transferOf(request, param(request, "name"));
        await sendProgress(backend.push(transfer, request.http.signal), respond);
      },
    },
    {
      method: "POST",
      pattern: "/auth",
      handler: async (request, respond) => {
        const auth = await requireJson(request, AUTH);
        await respond.json(await backend.login(auth, request.http.signal));
      },
    },
    {
      method: "GET",
      pattern: "/distribution/{name*}/json",
      handler: async (request, respond) =>
        respond.json(
          await backend.distribution(param(request, "name"), authOf(request), request.http.signal),
        ),
    },
    {
      method: "GET",
      pattern: "/distribution/{name*}/manifest",
      handler: async (request, respond) =>
        respond.json(await backend.manifest(param(request, "name"), authOf(request), request.http.signal)),
    },
    {
      method: "PUT",
      pattern: "/distribution/{name*}/manifest",
      handler: async (request, respond) => {
        const push = { ...authOf(request), pushed: await requireJson(request, MANIFEST_PUSH) };
        await respond.json(await backend.putManifest(param(request, "name"), push, request.http.signal));
      },
    },
  ];
}

/** `POST /images/create?fromImage=`. */
export async function pull(backend: RegistryBackend, request: ApiRequest, respond: Respond): Promise<void> {
  const transfer = transferOf(request, request.query.get("fromImage") ?? "");
  await sendProgress(backend.pull(transfer, request.http.signal), respond);
}

function transferOf(request: ApiRequest, image: string): TransferRequest {
  const { query } = request;
  const platform = query.get("platform") ?? "";
  return { image, tag: query.get("tag") ?? "", platform: platformText(platform), ...authOf(request) };
}

/** A pull's is text; a push's, since API v1.46, an OCI platform as JSON. */
function platformText(given: string): string {
  if (!given.startsWith("{")) return given;
  const shape = object<{ os?: string; architecture?: string; variant?: string }>({
    os: text,
    architecture: text,
    variant: text,
  });
  const { os = "linux", architecture = "", variant } = shape.check(jsonOf(given, "platform"), "platform");
  return [os, architecture, variant].filter((part) => part).join("/");
}

const DEFAULT_RESULTS = 25;
const MOST_RESULTS = 100;

function limitOf({ query }: ApiRequest): number {
  const limit = intParam(query, "limit") || DEFAULT_RESULTS;
  if (limit >= 1 && limit <= MOST_RESULTS) return limit;
  throw new FathomError("invalid", `Limit ${limit} is outside the range of [1, ${MOST_RESULTS}]`);
}

function authOf({ http }: ApiRequest): RegistryAuth {
  const auth = header(http.fields.get("x-registry-auth"), "X-Registry-Auth");
  const others = header(http.fields.get("x-registry-config"), "X-Registry-Config");
  return {
    auth: auth === undefined ? {} : AUTH.check(auth, "X-Registry-Auth"),
    others: others === undefined ? {} : map(AUTH).check(others, "X-Registry-Config"),
  };
}

/** JSON in base64, of either alphabet, padded or not (RFC 4648). Docker's clients send `null` and `{}` for nobody. */
function header(value: string | undefined, name: string): unknown {
  if (value === undefined || value === "") return undefined;
  if (!/^[\w+/=-]+$/.test(value)) throw new FathomError("invalid", `${name} is not base64`);
  return jsonOf(Buffer.from(value, "base64url").toString(), name) ?? undefined;
}

function jsonOf(value: string, name: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw new FathomError("invalid", `${name} is not JSON`, { cause });
  }
}

/** Messages as they come, one a line; what goes wrong in their midst is the last of them. */
async function sendProgress(messages: AsyncIterable<ProgressMessage>, respond: Respond): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  await respond.stream("application/json", lines(first, iterator));
}

async function* lines(
  first: IteratorResult<ProgressMessage>,
  rest: AsyncIterator<ProgressMessage>,
): AsyncGenerator<string, void> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) {
      yield `${JSON.stringify(next.value)}\r\n`;
    }
  } catch (error) {
    const message = messageOf(error);
    yield `${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`;
  } finally {
    await rest.return?.();
  }
}
