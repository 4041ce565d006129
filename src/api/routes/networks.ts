/** Network routes, and what they need of the engine behind them. Pruning is in prune.ts. */

import type {
  EndpointRequest,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
  NetworkResource,
} from "../../spec/docker_network.ts";
import { FathomError } from "../../std/errors.ts";
import { filled, flag, list, map, object, text } from "../../std/shape.ts";
import { legacyNetwork, legacyNetworkCreate } from "../legacy_network.ts";
import { filtersParam } from "../query.ts";
import { endpointRequest } from "../requests.ts";
import { param, type Route, requireJson } from "../route.ts";
import type { Filters } from "./containers.ts";

export interface NetworkBackend {
  /** Throws invalid for a filter there is none of. */
  list(filters: Filters): Promise<NetworkResource[]>;
  /** With the containers on it. Throws not-found. */
  inspect(name: string): Promise<NetworkResource>;
  /** Gives its ID. Throws conflict for a name that is taken, forbidden for subnets that are. */
  create(request: NetworkCreateRequest): Promise<string>;
  /** Throws not-found, and forbidden while containers are on it. */
  remove(name: string): Promise<void>;
  /** Throws not-found for either, forbidden where it is connected. */
  connect(container: string, network: string, wish: EndpointRequest): Promise<void>;
  disconnect(container: string, network: string, options: { force: boolean }): Promise<void>;
}

const ipamConfig = object<NonNullable<NonNullable<NetworkCreateRequest["IPAM"]>["Config"]>[number]>({
  Subnet: text,
  IPRange: text,
  Gateway: text,
  AuxiliaryAddresses: map(text),
});

const createRequest = object<NetworkCreateRequest>({
  Name: filled(text),
  Driver: text,
  Scope: text,
  EnableIPv4: flag,
  EnableIPv6: flag,
  IPAM: object<NonNullable<NetworkCreateRequest["IPAM"]>>({
    Driver: text,
    Options: map(text),
    Config: list(ipamConfig),
  }),
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: object<NonNullable<NetworkCreateRequest["ConfigFrom"]>>({ Network: text }),
  Options: map(text),
  Labels: map(text),
});

const connectRequest = object<NetworkConnectRequest>({
  Container: filled(text),
  EndpointConfig: endpointRequest,
});
const disconnectRequest = object<NetworkDisconnectRequest>({ Container: filled(text), Force: flag });

export function networkRoutes(backend: NetworkBackend): Route[] {
  return [...readingRoutes(backend), ...changingRoutes(backend)];
}

function readingRoutes(backend: NetworkBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/networks",
      handler: async ({ query, version }, respond) => {
        const networks = await backend.list(filtersParam(query));
        await respond.json(networks.map((network) => legacyNetwork(network, version)));
      },
    },
    {
      method: "GET",
      pattern: "/networks/{name}",
      handler: async (request, respond) => {
        const name = param(request, "name");
        checkVerbose(request.query.get("verbose") ?? "");
        const network = await backend.inspect(name);
        const scope = request.query.get("scope") || network.Scope;
        if (scope !== network.Scope) throw new FathomError("not-found", `network ${name} not found`);
        await respond.json(legacyNetwork(network, request.version));
      },
    },
  ];
}

/** There is more to tell only of a swarm's networks, which are none of these. */
function checkVerbose(value: string): void {
  if (value === "" || GO_BOOLEANS.has(value)) return;
  throw new FathomError(
    "invalid",
    `invalid value for verbose: ${value}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}

const GO_BOOLEANS = new Set([
  "1",
  "t",
  "T",
  "TRUE",
  "true",
  "True",
  "0",
  "f",
  "F",
  "FALSE",
  "false",
  "False",
]);

function changingRoutes(backend: NetworkBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/networks/create",
      handler: async (request, respond) => {
        const wanted = legacyNetworkCreate(await requireJson(request, createRequest), request.version);
        await respond.json({ Id: await backend.create(wanted), Warning: "" }, 201);
      },
    },
    {
      method: "POST",
      pattern: "/networks/{name}/connect",
      handler: async (request, respond) => {
        const { Container, EndpointConfig = {} } = await requireJson(request, connectRequest);
        await backend.connect(Container, param(request, "name"), EndpointConfig);
        await respond.empty(200);
      },
    },
    {
      method: "POST",
      pattern: "/networks/{name}/disconnect",
      handler: async (request, respond) => {
        const { Container, Force = false } = await requireJson(request, disconnectRequest);
        await backend.disconnect(Container, param(request, "name"), { force: Force });
        await respond.empty(200);
      },
    },
    {
      method: "DELETE",
      pattern: "/networks/{name}",
      handler: async (request, respond) => {
        await backend.remove(param(request, "name"));
        await respond.empty(204);
      },
    },
  ];
}
