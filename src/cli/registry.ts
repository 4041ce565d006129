/** Every command by its name, with the file that holds it; only the file of the command that runs is loaded. */

import type { Entry, Registry } from "./entry.ts";
import { LAYER_COMMANDS } from "./registry_layers.ts";

const attach: Entry = {
  summary: "Attach this terminal's input and output to a running container",
  load: () => import("./commands/attach.ts"),
};
const commit: Entry = {
  summary: "Make an image of what a container has written",
  load: () => import("./commands/commit.ts"),
};
const cp: Entry = {
  summary: "Copy files between a container and this host",
  load: () => import("./commands/cp.ts"),
};
const create: Entry = {
  summary: "Create a container without starting it",
  load: () => import("./commands/create.ts"),
};
const diff: Entry = {
  summary: "Show which files a container has added, changed and removed",
  load: () => import("./commands/diff.ts"),
};
const exec: Entry = {
  summary: "Run another program in a running container",
  load: () => import("./commands/exec.ts"),
};
const exportContainer: Entry = {
  summary: "Write a container's file system as a tar archive",
  load: () => import("./commands/export.ts"),
};
const inspectContainer: Entry = {
  summary: "Show all that is known of containers",
  load: async () => ({ command: (await import("./commands/inspect.ts")).inspectContainer }),
};
const inspectImage: Entry = {
  summary: "Show all that is known of images",
  load: async () => ({ command: (await import("./commands/inspect.ts")).inspectImage }),
};
const kill: Entry = {
  summary: "Send a signal to running containers",
  load: () => import("./commands/kill.ts"),
};
const logs: Entry = {
  summary: "Show what a container has written",
  load: () => import("./commands/logs.ts"),
};
const pause: Entry = {
  summary: "Let the processes of containers stand still",
  load: () => import("./commands/pause.ts"),
};
const port: Entry = {
  summary: "List the ports of a container that are published",
  load: () => import("./commands/port.ts"),
};
const ps: Entry = { summary: "List containers", load: () => import("./commands/ps.ts") };
const rename: Entry = { summary: "Rename a container", load: () => import("./commands/rename.ts") };
const restart: Entry = {
  summary: "Stop containers and start them again",
  load: async () => ({ command: (await import("./commands/stop.ts")).restart }),
};
const rm: Entry = { summary: "Remove containers", load: () => import("./commands/rm.ts") };
const run: Entry = {
  summary: "Create a container from an image and run it",
  load: () => import("./commands/run.ts"),
};
const start: Entry = { summary: "Start stopped containers", load: () => import("./commands/start.ts") };
const stats: Entry = {
  summary: "Show what containers use",
  load: () => import("./commands/stats.ts"),
};
const stop: Entry = { summary: "Stop running containers", load: () => import("./commands/stop.ts") };
const top: Entry = { summary: "List the processes of a container", load: () => import("./commands/top.ts") };
const unpause: Entry = {
  summary: "Let the processes of paused containers go on",
  load: async () => ({ command: (await import("./commands/pause.ts")).unpause }),
};
const pull: Entry = {
  summary: "Bring an image from a registry",
  load: () => import("./commands/pull.ts"),
};
const push: Entry = {
  summary: "Bring an image to a registry",
  load: () => import("./commands/push.ts"),
};
const removeVolumes: Entry = {
  summary: "Remove volumes",
  load: async () => ({ command: (await import("./commands/volume.ts")).removeVolumes }),
};
const listVolumes: Entry = {
  summary: "List volumes",
  load: async () => ({ command: (await import("./commands/volume.ts")).listVolumes }),
};
const removeNetworks: Entry = {
  summary: "Remove networks",
  load: async () => ({ command: (await import("./commands/network_connect.ts")).removeNetworks }),
};
const listTrash: Entry = {
  summary: "List what was removed and waits",
  load: async () => ({ command: (await import("./commands/trash.ts")).listTrash }),
};
const listNetworks: Entry = {
  summary: "List networks",
  load: async () => ({ command: (await import("./commands/network.ts")).listNetworks }),
};
const update: Entry = {
  summary: "Change the limits of containers",
  load: () => import("./commands/update.ts"),
};
const wait: Entry = {
  summary: "Wait until containers end, then print their exit codes",
  load: () => import("./commands/wait.ts"),
};
const history: Entry = {
  summary: "Show how an image came to be",
  load: () => import("./commands/history.ts"),
};
const load: Entry = {
  summary: "Bring in the images of an archive",
  load: () => import("./commands/load.ts"),
};
const save: Entry = {
  summary: "Write images as an archive",
  load: () => import("./commands/save.ts"),
};
const images: Entry = { summary: "List images", load: () => import("./commands/images.ts") };
const importImage: Entry = {
  summary: "Make an image of a tar archive of a file system",
  load: () => import("./commands/import.ts"),
};
const rmi: Entry = { summary: "Remove images", load: () => import("./commands/rmi.ts") };
const tag: Entry = { summary: "Give an image another name", load: () => import("./commands/tag.ts") };
const events: Entry = {
  summary: "Show what happens in the daemon",
  load: () => import("./commands/events.ts"),
};
const info: Entry = { summary: "Show the state of the daemon", load: () => import("./commands/info.ts") };

export const COMMANDS: Registry = {
  attach,
  commit,
  cp,
  create,
  demo: {
    summary: "Run a first container made of this host's own programs, and explain it",
    load: () => import("./commands/demo.ts"),
  },
  diff,
  doctor: {
    summary: "Look for damage and for what was left over, and mend it",
    load: () => import("./commands/doctor.ts"),
  },
  events,
  exec,
  fsck: {
    summary: "Look for damage in what is stored, and mend it",
    load: () => import("./commands/fsck.ts"),
  },
  explain: {
    summary: "Tell what was done on the kernel for a container",
    load: () => import("./commands/explain.ts"),
  },
  export: exportContainer,
  history,
  images,
  import: importImage,
  info,
  inspect: {
    summary: "Show all that is known of containers and images",
    load: () => import("./commands/inspect.ts"),
  },
  kill,
  load,
  login: { summary: "Log in to a registry", load: () => import("./commands/login.ts") },
  logout: {
    summary: "Forget the credentials for a registry",
    load: async () => ({ command: (await import("./commands/login.ts")).logout }),
  },
  logs,
  pause,
  port,
  ps,
  pull,
  push,
  rename,
  restart,
  rm,
  rmi,
  run,
  save,
  search: { summary: "Search Docker Hub for images", load: () => import("./commands/search.ts") },
  ...LAYER_COMMANDS,
  start,
  stats,
  stop,
  tag,
  top,
  unpause,
  update,
  version: {
    summary: "Show the versions of the command and the daemon",
    load: () => import("./commands/version.ts"),
  },
  wait,
  whois: {
    summary: "Say whose a process, port, link, address, rule or path is",
    load: () => import("./commands/whois.ts"),
  },
  "container attach": attach,
  "container commit": commit,
  "container cp": cp,
  "container create": create,
  "container diff": diff,
  "container exec": exec,
  "container export": exportContainer,
  "container inspect": inspectContainer,
  "container kill": kill,
  "container list": ps,
  "container logs": logs,
  "container ls": ps,
  "container pause": pause,
  "container port": port,
  "container ps": ps,
  "container prune": {
    summary: "Remove all containers that do not run",
    load: () => import("./commands/prune_containers.ts"),
  },
  "container remove": rm,
  "container rename": rename,
  "container restart": restart,
  "container rm": rm,
  "container run": run,
  "container start": start,
  "container stats": stats,
  "container stop": stop,
  "container top": top,
  "container unpause": unpause,
  "container update": update,
  "container wait": wait,
  "image from-host": {
    summary: "Make an image of programs of this host and the libraries they need",
    load: () => import("./commands/from_host.ts"),
  },
  "image history": history,
  "image import": importImage,
  "image inspect": inspectImage,
  "image list": images,
  "image load": load,
  "image ls": images,
  "image prune": {
    summary: "Remove images that nobody uses",
    load: () => import("./commands/prune_images.ts"),
  },
  "image pull": pull,
  "image push": push,
  "image remove": rmi,
  "image rm": rmi,
  "image save": save,
  "image tag": tag,
  "manifest annotate": {
    summary: "Say more of an image in a local list of manifests",
    load: async () => ({ command: (await import("./commands/manifest_list.ts")).annotate }),
  },
  "manifest create": {
    summary: "Begin a local list of manifests, to be annotated and pushed",
    load: async () => ({ command: (await import("./commands/manifest_list.ts")).create }),
  },
  "manifest inspect": {
    summary: "Show what a registry has under a name",
    load: () => import("./commands/manifest.ts"),
  },
  "manifest push": {
    summary: "Put a local list of manifests to a registry",
    load: async () => ({ command: (await import("./commands/manifest_list.ts")).push }),
  },
  "manifest rm": {
    summary: "Forget local lists of manifests",
    load: async () => ({ command: (await import("./commands/manifest_list.ts")).remove }),
  },
  "network connect": {
    summary: "Connect a container to a network",
    load: async () => ({ command: (await import("./commands/network_connect.ts")).connect }),
  },
  "network create": {
    summary: "Create a network",
    load: () => import("./commands/network_create.ts"),
  },
  "network disconnect": {
    summary: "Disconnect a container from a network",
    load: async () => ({ command: (await import("./commands/network_connect.ts")).disconnect }),
  },
  "network inspect": {
    summary: "Show all that is known of networks",
    load: async () => ({ command: (await import("./commands/inspect.ts")).inspectNetwork }),
  },
  "network list": listNetworks,
  "network ls": listNetworks,
  "network reach": {
    summary: "Tell from where a container's ports are reached, and which rule decides",
    load: () => import("./commands/network_reach.ts"),
  },
  "network prune": {
    summary: "Remove networks that nobody uses",
    load: async () => ({ command: (await import("./commands/network.ts")).pruneCommand }),
  },
  "network remove": removeNetworks,
  "network rm": removeNetworks,
  "system df": {
    summary: "Show how much room images, containers and volumes take",
    load: () => import("./commands/df.ts"),
  },
  "system events": events,
  "system info": info,
  "system prune": {
    summary: "Remove all that nobody uses",
    load: () => import("./commands/prune_system.ts"),
  },
  "trash empty": {
    summary: "Delete for good what was removed",
    load: async () => ({ command: (await import("./commands/trash.ts")).emptyTrash }),
  },
  "trash list": listTrash,
  "trash ls": listTrash,
  "trash restore": {
    summary: "Bring back what was removed",
    load: async () => ({ command: (await import("./commands/trash.ts")).restoreTrash }),
  },
  "volume create": {
    summary: "Create a volume",
    load: async () => ({ command: (await import("./commands/volume.ts")).createVolume }),
  },
  "volume inspect": {
    summary: "Show all that is known of volumes",
    load: async () => ({ command: (await import("./commands/inspect.ts")).inspectVolume }),
  },
  "volume list": listVolumes,
  "volume ls": listVolumes,
  "volume lock": {
    summary: "Protect volumes from being removed",
    load: async () => ({ command: (await import("./commands/volume_lock.ts")).lockVolumes }),
  },
  "volume prune": {
    summary: "Remove volumes that no container uses",
    load: async () => ({ command: (await import("./commands/volume.ts")).pruneCommand }),
  },
  "volume remove": removeVolumes,
  "volume rm": removeVolumes,
  "volume unlock": {
    summary: "Let volumes be removed again",
    load: async () => ({ command: (await import("./commands/volume_lock.ts")).unlockVolumes }),
  },
};

export const GROUPS: Readonly<Record<string, string>> = {
  container: "Manage containers",
  image: "Manage images",
  manifest: "Look at manifests in registries, and make lists of them",
  network: "Manage networks",
  system: "Manage the daemon",
  trash: "Manage what was removed and waits",
  volume: "Manage volumes",
};

/** Commands of Docker that are named as such when asked for; they are not there, and nothing pretends that they are. */
export const NOT_YET: ReadonlySet<string> = new Set(
  "build builder buildx checkpoint compose config context node plugin secret service stack swarm trust".split(
    " ",
  ),
);

/** The same for commands in groups. */
export const NOT_YET_IN_GROUPS: ReadonlySet<string> = new Set(["image build", "system dial-stdio"]);
