/** Whose a port is: published on this host, or listened on in a container. */

import type { WhoisFinding } from "../../spec/whois.ts";
import { isLoopback, listeningIn } from "../listening.ts";
import { type Known, shown } from "./known.ts";

export async function portFindings(
  known: Known,
  port: number,
  protocol: string | undefined,
): Promise<WhoisFinding[]> {
  const wanted = (type: string) => protocol === undefined || protocol === type;
  const published = known.containers.flatMap((container) =>
    container.Ports.filter(({ PublicPort, Type }) => PublicPort === port && wanted(Type)).map(
      ({ IP, PrivatePort, Type }): WhoisFinding => ({
        Kind: "port",
        Subject: `${port}/${Type}`,
        Sentence: `of ${IP || "the host"} is published, and leads to port ${PrivatePort} of ${container.Name}`,
        See: `nft list table inet ${known.wiring.table}`,
        ...shown(container),
      }),
    ),
  );
  const inside = await Promise.all(
    known.containers
      .filter(({ Pid }) => Pid > 0)
      .map(async (container) => {
        const addresses = known.wiring.endpoints
          .filter((endpoint) => endpoint.container === container.Id)
          .flatMap((endpoint) => endpoint.addresses);
        // One without addresses of its own is on the host's network or another's, whose sockets are not its own.
        if (addresses.length === 0) return [];
        const sockets = (await listeningIn(container.Pid)).filter((one) => one.port === port);
        return sockets
          .filter((one) => wanted(one.protocol))
          .map(
            ({ address, protocol: type }): WhoisFinding => ({
              Kind: "port",
              Subject: `${port}/${type}`,
              Sentence: `is listened on in ${container.Name}, at ${address}${isLoopback(address) ? ", which only the container itself reaches" : ` (${addresses.join(", ")})`}`,
              See: `nsenter --net -t ${container.Pid} ss -lnp '( sport = ${port} )'`,
              ...shown(container),
            }),
          );
      }),
  );
  return [...published, ...inside.flat()];
}
