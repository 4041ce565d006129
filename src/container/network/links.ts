/**
 * Links of the default bridge: a container knows another by an alias, through variables and its hosts file.
 *
 * A link is kept with the container that has it, by the other's ID, so that a rename breaks none. One whose other end was removed
 * is no link any more.
 */

import { FathomError, messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import type { FullHostConfig } from "../host_config.ts";
import { joinedName } from "../joined_name.ts";
import { type ConfigRecord, writeJson } from "../records.ts";
import { linkVariables } from "./link_variables.ts";
import { isUserDefined } from "./wishes.ts";

interface Link {
  alias: string;
  child: Container;
}

/**
 * The links that a request asks for, `NAME:ALIAS` or `NAME`; nothing where it asks for none.
 * @throws {FathomError} invalid, in Docker's words: not "not found", which the docker command answers to a create by a pull.
 */
export function readLinks(context: Context, host: FullHostConfig): Pick<ConfigRecord, "Links"> {
  // There a link is an alias of the endpoint, by which the resolver finds whoever has the name then.
  if (isUserDefined(host.NetworkMode)) {
    host.Links = null;
    return {};
  }
  const links = (host.Links ?? []).map((text) => {
    const { name, alias } = parseLink(text);
    const child = linkable(context, name);
    if (child.record.host.NetworkMode === "host" || host.NetworkMode === "host")
      throw invalid(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    return { Id: nameOf(child).id, Alias: alias };
  });
  // The record has them by ID; what stands in the request goes stale.
  host.Links = null;
  return links.length === 0 ? {} : { Links: links };
}

/** Also as `inspect` shows links, `/db:/web/alias`, since tools send back what they were shown. */
function parseLink(text: string): { name: string; alias: string } {
  const [name = "", alias = name, ...more] = text.split(":");
  if (text === "") throw invalid("empty string specified for links");
  if (more.length > 0 || name === "" || alias === "") throw invalid(`bad format for links: ${text}`);
  if (name.startsWith("/")) return { name: name.slice(1), alias: alias.slice(alias.lastIndexOf("/") + 1) };
  return { name, alias };
}

/** The container of that name, or the one whose network it shares. */
function linkable(context: Context, name: string): Container {
  try {
    const found = context.registry.find(name);
    const joined = joinedName(found.record.host.NetworkMode);
    return joined === undefined ? found : linkable(context, joined);
  } catch (cause) {
    throw new FathomError("invalid", `could not get container for ${name}: ${messageOf(cause)}`, { cause });
  }
}

function linksOf(context: Context, { record }: Container): Link[] {
  return (record.config.Links ?? []).flatMap(({ Id, Alias }) => {
    const child = context.registry.all().find((other) => other.record.config.Id === Id);
    return child === undefined ? [] : [{ alias: Alias, child }];
  });
}

/** Of a container that starts. @throws {FathomError} internal, in Docker's words, when one it links to does not run. */
export function checkLinks(context: Context, container: Container): void {
  for (const { alias, child } of linksOf(context, container)) {
    if (addressOf(context, child) !== undefined) continue;
    const link = `/${nameOf(container).name}/${alias}`;
    throw new FathomError(
      "internal",
      `Cannot link to a non running container: /${nameOf(child).name} AS ${link}`,
    );
  }
}

/** A container's address on the default bridge, while it runs. */
function addressOf(context: Context, child: Container): string | undefined {
  const connection = context.options.networks.connectionOf(nameOf(child).id);
  const address = connection?.endpoints.bridge?.IPAddress;
  return child.live === undefined || address === "" ? undefined : address;
}

/** The variables that the containers it links to tell of themselves. */
export function linkedVariables(context: Context, container: Container): string[] {
  return linksOf(context, container).flatMap(({ alias, child }) => {
    const address = addressOf(context, child);
    if (address === undefined) return [];
    const { ExposedPorts, Env } = child.record.config.Config;
    const name = `/${nameOf(container).name}/${alias}`;
    return linkVariables({ name, alias, address, ports: Object.keys(ExposedPorts ?? {}), env: Env ?? [] });
  });
}

/** Their lines in its hosts file: by alias, host name and name. */
export function linkedHosts(context: Context, container: Container): { address: string; names: string[] }[] {
  return linksOf(context, container).flatMap(({ alias, child }) => {
    const address = addressOf(context, child);
    const { name } = nameOf(child);
    const names = [alias, child.record.config.Config.Hostname, ...(alias === name ? [] : [name])];
    return address === undefined ? [] : [{ address, names }];
  });
}

/** The containers with a link to this one. */
export function linkersOf(context: Context, child: Container): Container[] {
  const { id } = nameOf(child);
  return context.registry.all().filter(({ record }) => record.config.Links?.some(({ Id }) => Id === id));
}

/** `/db:/web/alias`, as `inspect` shows links; null where there is none. */
export function shownLinks(context: Context, container: Container): string[] | null {
  const links = linksOf(context, container).map(
    ({ alias, child }) => `/${nameOf(child).name}:/${nameOf(container).name}/${alias}`,
  );
  return links.length === 0 ? null : links;
}

/** The names that links give containers, by the IDs of those: `/web/alias`. */
export function linkNames(context: Context): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { config } of context.registry.all().map(({ record }) => record)) {
    for (const { Id, Alias } of config.Links ?? [])
      names.set(Id, [...(names.get(Id) ?? []), `/${config.Name}/${Alias}`]);
  }
  return names;
}

/**
 * Takes the link away that is named `web/alias`. The container's variables stay until it starts anew, as its program has them.
 * @throws {FathomError} not-found; conflict for a name that is a container's own.
 */
export async function removeLink(context: Context, text: string): Promise<void> {
  const name = text.replace(/^\//, "");
  const [parent = "", alias] = name.split("/");
  if (alias === undefined) {
    context.registry.find(name);
    throw new FathomError("conflict", "Conflict, cannot remove the default link name of the container");
  }
  const { record, paths } = context.registry.find(parent);
  const left = (record.config.Links ?? []).filter(({ Alias }) => Alias !== alias);
  if (left.length === (record.config.Links ?? []).length)
    throw new FathomError("not-found", `No such container: ${name}`);
  record.config.Links = left;
  await writeJson(paths.config, record.config, { sync: !record.host.AutoRemove });
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}
