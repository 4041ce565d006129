/** The filters of a list of networks, Docker's by name and meaning. Pure. */

import type { NetworkResource } from "../spec/docker_network.ts";
import { FathomError } from "../std/errors.ts";

export type Filters = Readonly<Record<string, readonly string[]>>;

const BUILT_IN = ["bridge", "host", "none"];

/** Each filter: whether a network has one of its values. */
const TESTS: Record<string, (network: NetworkResource, value: string) => boolean> = {
  driver: ({ Driver }, value) => Driver === value,
  id: ({ Id }, value) => Id.includes(value),
  name: ({ Name }, value) => Name.includes(value),
  scope: ({ Scope }, value) => Scope === value,
  label: ({ Labels }, value) => {
    const [key = "", wanted] = value.split(/=(.*)/s);
    return key in Labels && (wanted === undefined || Labels[key] === wanted);
  },
  type: ({ Name }, value) => (value === "builtin") === BUILT_IN.includes(Name),
  dangling: ({ Name, Containers }, value) =>
    isTrue(value) === (Object.keys(Containers).length === 0 && !BUILT_IN.includes(Name)),
};

function isTrue(value: string): boolean {
  return value === "true" || value === "1";
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
