/** From where a container is reached: its sockets, looked at from outside, and what its networks and the host's rules say. */

import type { Containers } from "../container/mod.ts";
import type { Networks } from "../network/mod.ts";
import type { Reach } from "../spec/reach.ts";
import { listeningIn, listeningOf } from "./listening.ts";

export async function reach(
  { containers, networks }: { containers: Containers["containers"]; networks: Networks },
  name: string,
): Promise<Reach> {
  const { Id, Name, State, HostConfig } = await containers.inspect(name, { size: false });
  const answer = { Id, Name: Name.slice(1), Addresses: [], Ports: [], Notes: [] };
  if (!State.Running) return { ...answer, Notes: ["it does not run, and nobody reaches it"] };
  const mode = HostConfig.NetworkMode ?? "";
  if (mode === "host")
    return {
      ...answer,
      Ports: networks.reachOnHost(await listeningOf(State.Pid)),
      Notes: [
        "it is on the host's network: its ports are the host's own, and the host's rules are asked about them",
      ],
    };
  if (mode.startsWith("container:"))
    return {
      ...answer,
      Notes: [`it shares the network of ${mode.slice("container:".length)}: ask about that one`],
    };
  const found = networks.reach(Id, await listeningIn(State.Pid));
  const Notes =
    found.Addresses.length === 0 ? ["it is on no network, and only its own programs reach it"] : [];
  return { ...answer, ...found, Notes };
}
