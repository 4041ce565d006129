/** How a container finds names: its resolv.conf, its resolver, and both in step with the host while it runs. */

import { readFile, writeFile } from "node:fs/promises";
import { ifAbsent } from "../../std/absent.ts";
import { messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { joinedName } from "../joined_name.ts";
import type { HostNames, ResolverWish } from "../needs.ts";
import type { ContainerRecord } from "../records.ts";
import { type Lookup, type NamesInput, resolverWish, resolvText } from "./resolv_conf.ts";
import { wishesOf } from "./wishes.ts";

/** The text of its resolv.conf as the host is now. */
export async function resolvFor(context: Context, record: ContainerRecord): Promise<string> {
  return resolvText(lookupOf(record), inputOf(context, record, await context.options.hostNames.read()));
}

/** What it asks of a resolver of ours; nothing where it is on no network that has names. */
export async function resolverFor(
  context: Context,
  record: ContainerRecord,
): Promise<{ resolver?: ResolverWish }> {
  if (lookupOf(record) !== "by-resolver") return {};
  return { resolver: resolverWish(inputOf(context, record, await context.options.hostNames.read())) };
}

/** Names are found on networks that a user has made: others know the container by a name there. */
function lookupOf(record: ContainerRecord): Lookup {
  if (record.host.NetworkMode === "host") return "as-host";
  const named = (wishesOf(record) ?? []).some(({ dnsNames = [] }) => dnsNames.length > 0);
  return named ? "by-resolver" : "by-servers";
}

function inputOf({ options }: Context, { host }: ContainerRecord, ofHost: HostNames): NamesInput {
  return { host, defaults: options.defaults.names, ofHost };
}

/** A container that starts has its file anew, as the host and its networks are now. In place: the file may be mounted. */
export async function renewResolv(context: Context, { record, paths }: Container): Promise<void> {
  const [text, present] = await Promise.all([
    resolvFor(context, record),
    readFile(paths.resolv, "utf8").catch(ifAbsent(undefined)),
  ]);
  if (text !== present) await writeFile(paths.resolv, text, { mode: 0o644 });
}

/**
 * A container that runs is on other networks than it was: it has a resolver from now on where it needs one, and its file says so, unless
 * it was edited by hand. Never rejects: the networks are as they were asked for.
 */
export async function followNetworks(
  context: Context,
  container: Container,
  before: ContainerRecord,
): Promise<void> {
  await attempt(context, container, async () => {
    const { networks, hostNames } = context.options;
    const { record, live } = container;
    const { id } = nameOf(container);
    const { resolver } = await resolverFor(context, record);
    if (resolver !== undefined) await networks.setResolver(id, resolver);
    const names = networks.resolverOf(id);
    if (names !== undefined) await live?.shim.resolve(names);
    const host = await hostNames.read();
    await rewrite(container, resolvedBy(context, before, host), resolvedBy(context, record, host));
  });
}

/** The host's resolv.conf has become another: containers that run and have not edited theirs follow. */
export async function followHost(
  context: Context,
  { before, after }: { before: HostNames; after: HostNames },
): Promise<void> {
  const running = context.registry.all().filter(({ live }) => live !== undefined);
  await Promise.all(
    running.map((container) =>
      attempt(context, container, async () => {
        const { record } = container;
        if (joinedName(record.host.NetworkMode) !== undefined) return;
        await rewrite(container, resolvedBy(context, record, before), resolvedBy(context, record, after));
        const { resolver } = await resolverFor(context, record);
        if (resolver !== undefined)
          await context.options.networks.setResolver(nameOf(container).id, resolver);
      }),
    ),
  );
}

function resolvedBy(context: Context, record: ContainerRecord, host: HostNames): string {
  return resolvText(lookupOf(record), inputOf(context, record, host));
}

/** In place, and only where it still says what it was made to say. */
async function rewrite({ paths }: Container, before: string, after: string): Promise<void> {
  if (before === after) return;
  const present = await readFile(paths.resolv, "utf8").catch(ifAbsent(undefined));
  if (present === before) await writeFile(paths.resolv, after);
}

async function attempt(context: Context, container: Container, work: () => Promise<void>): Promise<void> {
  await work().catch((error) =>
    context.options.warn(
      `container ${nameOf(container).id} does not follow a change of how names are found: ${messageOf(error)}`,
    ),
  );
}
