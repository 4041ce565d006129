/**
 * The resolver of containers on networks of their own: what answers at 127.0.0.11.
 *
 * Owns: DNS messages on the wire (message.ts), the tables of names as files and how they are read (tables.ts), look-ups in them
 * (lookup.ts), the asking of other servers (_forward.ts, _exchange.ts), and the resolver itself (resolver.ts). Does not own: which
 * names there are (network writes the tables), the process it runs in (the container's shim), and who leads port 53 to it (network).
 *
 * It runs in the shim, so that a container goes on resolving while the daemon is dead or another; what it knows are files that the
 * daemon writes. It has no event loop of its own.
 *
 * Invariants:
 * - A container learns of names on its networks alone; what it may ask elsewhere stands in its table.
 * - Any bytes are answered or passed over, with bounded memory and in bounded time.
 * - A reply of another server counts only if number, question and sender are those that were asked for.
 */

export { Resolver, TICK } from "./resolver.ts";
