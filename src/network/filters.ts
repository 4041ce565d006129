/** The filters of a list of networks, Docker's by name and meaning. Pure. */

import type { NetworkResource } from "../spec/docker_network.ts";
import { FathomError } from "../std/errors.ts";
import { pastTime } from "../std/past_time.ts";

export type Filters = Readonly<Record<string, readonly string[]>>;

const BUILT_IN = ["bridge", "host", "none"];

/** Each filter: whether a network has one of its values. */
const TESTS: Record<string, (network: NetworkResource, value: string) => boolean> = {
  driver: ({ Driver }, value) => Driver === value,
  id: ({ Id }, value) => Id.includes(value),
  name: ({ Name }, value) => Name.includes(value),
  scope: ({ Scope }, value) => Scope === value,
  label: hasLabel,
  type: ({ Name }, value) => (value === "builtin") === BUILT_IN.includes(Name),
  dangling: ({ Name, Containers }, value) =>
    isTrue(value) === (Object.keys(Containers).length === 0 && !BUILT_IN.includes(Name)),
};

function isTrue(value: string): boolean {
  return value === "true" || value === "1";
}

/** Those of networks that nobody uses which a prune may take. @throws {FathomError} invalid, in Docker's words. */
export function filterPruned(networks: readonly NetworkResource[], filters: Filters): NetworkResource[] {
  const unknown = Object.keys(filters).find((name) => !["label", "label!", "until"].includes(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  const { label = [], "label!": without = [], until = [] } = filters;
  if (until.length > 1) throw new FathomError("invalid", "more than one until filter specified");
  const before = until.map(pastTime);
  return networks.filter(
    (network) =>
      label.every((wanted) => hasLabel(network, wanted)) &&
      !without.some((unwanted) => hasLabel(network, unwanted)) &&
      before.every((time) => Date.parse(network.Created) < time),
  );
}

/** `key` or `key=value`. */
function hasLabel({ Labels }: NetworkResource, filter: string): boolean {
  const [key = "", wanted] = filter.split(/=(.*)/s);
  return Object.hasOwn(Labels, key) && (wanted === undefined || Labels[key] === wanted);
}

/** @throws {FathomError} invalid, in Docker's words, for a filter or a value there is none of. */
export function filterNetworks(networks: readonly NetworkResource[], filters: Filters): NetworkResource[] {
  const wanted = Object.entries(filters).map(([name, values]) => {
    const test = TESTS[name];
    if (test === undefined) throw new FathomError("invalid", `invalid filter '${name}'`);
    checkValues(name, values);
    return { name, test, values };
  });
  return networks.filter((network) =>
    wanted.every(({ name, test, values }) => {
      const has = (value: string) => test(network, value);
      return name === "label" ? values.every(has) : values.some(has);
    }),
  );
}

function checkValues(name: string, values: readonly string[]): void {
  const allowed = { type: ["builtin", "custom"], dangling: ["true", "false", "1", "0"] }[name];
  const wrong = allowed && values.find((value) => !allowed.includes(value));
  if (wrong !== undefined) throw new FathomError("invalid", `invalid filter: '${name}=${wrong}'`);
}
