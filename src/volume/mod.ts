/**
 * Named volumes: directories that outlive the containers that use them.
 *
 * Owns: `volumes/<name>/` with `_data` (the files) and `volume.json` (what was asked for), the local driver with its options,
 * who uses which volume, copying an image's files into an empty one. Does not own: containers and their notations for mounts;
 * the mounts inside them, which the runtime makes.
 *
 * Lifecycle: create makes a volume or finds it, and counts the container it was given among the users; mount makes its files
 * visible for a container that starts, unmount when that has ended; release takes the user away. A volume that is used cannot be
 * removed. One with options of the local driver (`type`, `device`, `o`) is mounted by its first user and unmounted by its last.
 *
 * Example:
 *
 *     const { Name, Mountpoint } = await volumes.create({ Name: "db" }, { user: id });
 *     await volumes.populate(Name, { root: async () => rootfs, path: "/var/lib/db" });
 *     await volumes.mount({ name: Name, user: id, destination: "/data", writable: true, propagation: "" });
 *     await volumes.unmount(Name, id);
 *     volumes.release(Name, id);
 *
 * Invariants:
 * - Under its name a volume is whole: it is made, and taken away, under another name, by one rename.
 * - What copying has brought is in a volume whole or not at all, whenever the engine is killed.
 * - Who uses what is nowhere on disk but in the containers' own records; an engine that starts is told by them (hold).
 * - No path inside a volume or an image is resolved but by openat2(2), which does not leave it.
 */

export { checkVolumes } from "./check.ts";
export type { Mounting, Volumes } from "./contract.ts";
export { openVolumes } from "./store.ts";
export { bindSubpath } from "./subpath.ts";
