/**
 * Networks: what containers reach each other and the outside by.
 *
 * Owns: the records of networks and of what each container is connected by; which network a bridge has and which addresses on it
 * are free; bridges, pairs of links and namespaces; the table of rules. Does not own: which containers there are and when they
 * start and end, their hosts and resolv.conf, and how the kernel is spoken to (kernel/net).
 *
 * The contract is Networks in options.ts. A container is connected in one piece, about 1.5 ms: a namespace of its own, kept by a
 * mount, so that it outlives the engine and goes with the container; in it `eth0`, whose other end is a port of the bridge, and
 * one more for each further network. A network is a record (records.ts); what a driver made of it on this host is its segment.
 *
 * Invariants:
 * - What is made for a container is noted on disk before the container starts, and goes when it has ended, whoever sees that.
 * - An address is on one container at a time. Which are taken follows from the records and is kept nowhere else.
 * - One more container on a network costs about the same however many there are: nobody's tables are computed anew for it, and neighbours
 *   are told only what they may not know.
 * - The engine's rules are one table of its own, or chains where iptables keeps them, computed from the networks and replaced
 *   whole; others' are not touched.
 * - Nothing of the host changes before the first container is connected but what the records need.
 */

export { openNetworks } from "./networks.ts";
export type { Networks } from "./options.ts";
export { type NetworkFlags, readSettings } from "./settings.ts";
export type { Wiring } from "./wiring.ts";
