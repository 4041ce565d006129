import { expect, test } from "bun:test";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { cgroupOwner } from "./cgroup_owner.ts";

const MAP = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

interface Wish {
  uid?: number;
  namespaces?: RuntimeConfig["linux"]["namespaces"];
  options?: string[];
}

function ownerOf({ uid = 0, namespaces = [{ type: "cgroup" }, { type: "user" }], options = ["rw"] }: Wish) {
  const mount = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options };
  return cgroupOwner({
    process: { user: { uid, gid: uid } },
    mounts: [mount],
    linux: { namespaces, uidMappings: MAP, gidMappings: MAP },
  } as unknown as RuntimeConfig);
}

test.each<[string, Wish, number | undefined]>([
  ["the mapped root's", {}, 100_000],
  ["the mapped user's", { uid: 7 }, 100_007],
  ["root's where it cannot be written to", { options: ["ro"] }, undefined],
  ["root's where it shows the host's", { namespaces: [{ type: "user" }] }, undefined],
  [
    "root's where the namespace is another's",
    { namespaces: [{ type: "cgroup", path: "/x" }, { type: "user" }] },
    undefined,
  ],
  ["root's where nobody is mapped there", { uid: 70_000 }, undefined],
  ["a user's without a user namespace", { uid: 7, namespaces: [{ type: "cgroup" }] }, 7],
  ["root's for root", { namespaces: [{ type: "cgroup" }] }, undefined],
])("a container's control group is %s", (_, wish, owner) => {
  expect(ownerOf(wish)).toEqual(owner === undefined ? undefined : { uid: owner, gid: owner });
});
