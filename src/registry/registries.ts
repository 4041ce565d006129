/** All registries: chooses the endpoint for a piece of work, and goes on to the next where one does not have it. */

import { FathomError } from "../std/errors.ts";
import { type Endpoint, endpointsOf } from "./_endpoints.ts";
import { openSession, type Session } from "./_session.ts";
import { openTransport } from "./_transport.ts";
import type { Credentials } from "./credentials.ts";
import { openRepository, type Repository } from "./repository.ts";
import type { RegistrySettings } from "./settings.ts";

export interface Access {
  /** The registry as it stands in references: `docker.io`, `localhost:5000`. */
  domain: string;
  /** The repository in it. */
  path: string;
  credentials: Credentials;
  /** Credentials of other hosts, as mirrors, by host. */
  others?: Readonly<Record<string, Credentials>>;
  signal: AbortSignal;
}

export interface Registries {
  readonly settings: RegistrySettings;
  /** Does work that reads, at the first endpoint that has what it wants: mirrors come before the registry itself. */
  pulling<T>(access: Access, work: (repository: Repository) => Promise<T>): Promise<T>;
  /** Does work that writes. `mountFrom`: further repositories of the registry to read from. */
  pushing<T>(
    access: Access & { mountFrom: readonly string[] },
    work: (repository: Repository) => Promise<T>,
  ): Promise<T>;
  /** A conversation that is about no repository. */
  session(access: Omit<Access, "path"> & { scopes?: readonly string[] }): Promise<Session>;
}

export function openRegistries(settings: RegistrySettings): Registries {
  const transport = openTransport(settings);
  const schemes = new Map<string, "https" | "http">();
  const sessionAt = (endpoint: Endpoint, access: Omit<Access, "path">, scopes: readonly string[]): Session =>
    openSession({
      endpoint,
      transport,
      settings,
      schemes,
      scopes,
      credentials: endpoint.mirror ? (access.others?.[endpoint.host] ?? {}) : access.credentials,
      signal: access.signal,
    });
  return {
    settings,
    async pulling(access, work) {
      const endpoints = await endpointsOf(access.domain, settings, { mirrors: true });
      const scopes = [`repository:${access.path}:pull`];
      return firstThatHas(endpoints, access.signal, (endpoint) =>
        work(openRepository(sessionAt(endpoint, access, scopes), access.path, settings)),
      );
    },
    async pushing(access, work) {
      const endpoint = await originOf(access.domain, settings);
      const scopes = [
        `repository:${access.path}:pull,push`,
        ...access.mountFrom.map((path) => `repository:${path}:pull`),
      ];
      return work(openRepository(sessionAt(endpoint, access, scopes), access.path, settings));
    },
    session: async ({ scopes = [], ...access }) =>
      sessionAt(await originOf(access.domain, settings), access, scopes),
  };
}

async function originOf(domain: string, settings: RegistrySettings): Promise<Endpoint> {
  const [endpoint] = await endpointsOf(domain, settings, { mirrors: false });
  if (endpoint === undefined) throw new FathomError("internal", `registry ${domain} has no endpoint`);
  return endpoint;
}

/** A mirror that fails is passed over; the registry's own failure is the one that is told. */
async function firstThatHas<T>(
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  work: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  let last: unknown;
  for (const endpoint of endpoints) {
    try {
      return await work(endpoint);
    } catch (error) {
      signal.throwIfAborted();
      if (!endpoint.mirror) throw error;
      last = error;
    }
  }
  throw last;
}
