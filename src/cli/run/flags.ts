/** The flags of `create` and `run`, by docker's names. */

import { parseUlimit } from "../../std/ulimit.ts";
import type { FlagTable } from "../flags.ts";
import { isIP } from "./address.ts";
import { parseByteRate, parseDeviceWeight, parseOperationRate } from "./block_io.ts";
import { LIMIT_FLAGS } from "./limit_flags.ts";
import { parseMount } from "./mounts.ts";
import { checkSysctl, onFailureAction } from "./values.ts";

const STREAMS = ["stdin", "stdout", "stderr"];

function checkStream(text: string): void {
  if (!STREAMS.includes(text.toLowerCase())) throw new Error("valid streams are STDIN, STDOUT and STDERR");
}

function checkAddress(text: string): void {
  if (!isIP(text)) throw new Error(`IP address is not correctly formatted: ${text}`);
}

function checkHost(text: string): void {
  if (!/^[^:=]+[:=].+/.test(text)) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
}

/** A flag that Docker has: asking for it is answered, not passed over. */
function notYet(shows: string) {
  return {
    type: "list",
    shows,
    help: "Not in Fathom yet",
    check: () => {
      throw new Error("Fathom does not have this yet");
    },
  } as const;
}

export const CREATE_FLAGS = {
  ...LIMIT_FLAGS,
  "add-host": {
    type: "list",
    help: "Add a line NAME:ADDRESS to the container's hosts file",
    check: checkHost,
  },
  annotation: { type: "list", shows: "map", help: "Annotation that is handed on to the runtime" },
  attach: { type: "list", short: "a", help: "Attach to STDIN, STDOUT or STDERR", check: checkStream },
  "blkio-weight-device": {
    type: "list",
    help: "Share of a device's input and output: DEVICE:WEIGHT",
    check: (text) => void parseDeviceWeight(text),
  },
  "cap-add": { type: "list", help: "Add a capability" },
  "cap-drop": { type: "list", help: "Drop a capability" },
  "cgroup-parent": { type: "string", help: "Parent cgroup of the container's own" },
  cgroupns: { type: "string", help: "Cgroup namespace: host or private" },
  cidfile: { type: "string", help: "Write the container's ID to this file" },
  device: { type: "list", help: "Give the container a device of the host" },
  "device-cgroup-rule": { type: "list", help: "Add a rule to the devices it may use" },
  "device-read-bps": {
    type: "list",
    help: "Limit of reading from a device, in bytes a second: DEVICE:RATE",
    check: (text) => void parseByteRate(text),
  },
  "device-read-iops": {
    type: "list",
    help: "Limit of reading from a device, in operations a second: DEVICE:RATE",
    check: (text) => void parseOperationRate(text),
  },
  "device-write-bps": {
    type: "list",
    help: "Limit of writing to a device, in bytes a second: DEVICE:RATE",
    check: (text) => void parseByteRate(text),
  },
  "device-write-iops": {
    type: "list",
    help: "Limit of writing to a device, in operations a second: DEVICE:RATE",
    check: (text) => void parseOperationRate(text),
  },
  "disable-content-trust": { type: "bool", initially: true, help: "Accepted for Docker's sake" },
  dns: { type: "list", help: "Address of a DNS server", check: checkAddress },
  "dns-option": { type: "list", also: ["dns-opt"], help: "DNS option" },
  "dns-search": { type: "list", help: "DNS search domain" },
  domainname: { type: "string", help: "The container's NIS domain name" },
  entrypoint: { type: "string", help: "Replace the image's ENTRYPOINT" },
  env: { type: "list", short: "e", help: "Set a variable of the environment, or pass on ours" },
  "env-file": { type: "list", help: "Read variables of the environment from a file" },
  expose: { type: "list", help: "Expose a port or a range of ports" },
  gpus: notYet("gpu-request"),
  "group-add": { type: "list", help: "Add a supplementary group" },
  "health-cmd": { type: "string", help: "Command that finds out whether the program is well" },
  "health-interval": { type: "duration", help: "Time between two such checks" },
  "health-on-failure": {
    type: "string",
    help: "What to do when it turns unhealthy: none, kill, restart or stop",
    check: (text) => void onFailureAction(text),
  },
  "health-retries": { type: "int", help: "Failures in a row that make it unhealthy" },
  "health-start-interval": { type: "duration", help: "Time between two checks while it starts" },
  "health-start-period": { type: "duration", help: "Time for it to start, in which failures do not count" },
  "health-timeout": { type: "duration", help: "Longest time a check may take" },
  hostname: { type: "string", short: "h", help: "The container's host name" },
  init: { type: "bool", help: "Run an init in it that hands signals on and reaps processes" },
  interactive: { type: "bool", short: "i", help: "Keep standard input open" },
  ip: { type: "string", help: "IPv4 address", check: checkAddress },
  ip6: { type: "string", help: "IPv6 address", check: checkAddress },
  ipc: { type: "string", help: "IPC namespace to use" },
  isolation: { type: "string", help: "Isolation technology; on Linux 'default'" },
  "kernel-memory": notYet("bytes"),
  label: { type: "list", short: "l", help: "Set a label" },
  "label-file": { type: "list", help: "Read labels from a file" },
  link: { type: "list", help: "Link to another container" },
  "link-local-ip": { type: "list", help: "Link-local address", check: checkAddress },
  "log-driver": { type: "string", help: "Where what it writes goes" },
  "log-opt": { type: "list", help: "Option of the log driver" },
  "mac-address": { type: "string", help: "MAC address" },
  "memory-swappiness": { type: "int", help: "How readily it swaps, 0 to 100" },
  mount: {
    type: "list",
    shows: "mount",
    help: "Mount type=bind|volume|tmpfs,src=…,dst=…",
    check: (text) => void parseMount(text),
  },
  name: { type: "string", help: "Name of the container" },
  network: { type: "list", also: ["net"], shows: "network", help: "Connect it to a network" },
  "network-alias": { type: "list", also: ["net-alias"], help: "Another name of it in the network" },
  "no-healthcheck": { type: "bool", help: "Disable the image's HEALTHCHECK" },
  "oom-kill-disable": { type: "bool", help: "Never kill it for want of memory" },
  "oom-score-adj": { type: "int", help: "How readily it is killed for want of memory, -1000 to 1000" },
  pid: { type: "string", help: "PID namespace to use" },
  platform: { type: "string", help: "Platform of the image" },
  privileged: { type: "bool", help: "Give it all the host's privileges" },
  publish: { type: "list", short: "p", help: "Publish a port of it on the host" },
  "publish-all": {
    type: "bool",
    short: "P",
    help: "Publish all exposed ports on ports of the host's choice",
  },
  pull: { type: "string", help: "When to pull the image: always, missing or never" },
  quiet: { type: "bool", short: "q", help: "Do not show the progress of a pull" },
  "read-only": { type: "bool", help: "Make its root file system read-only" },
  rm: { type: "bool", help: "Remove it and its anonymous volumes when it ends" },
  runtime: { type: "string", help: "Runtime that starts it" },
  "security-opt": { type: "list", help: "Security option" },
  "shm-size": { type: "bytes", help: "Size of /dev/shm" },
  "stop-signal": { type: "string", help: "Signal that stops it" },
  "stop-timeout": { type: "int", help: "Seconds until a stop becomes a kill" },
  "storage-opt": { type: "list", help: "Option of the storage driver" },
  sysctl: { type: "list", shows: "map", help: "Set a parameter of the kernel for it", check: checkSysctl },
  tmpfs: { type: "list", help: "Mount a tmpfs: DIRECTORY[:OPTIONS]" },
  tty: { type: "bool", short: "t", help: "Give it a terminal" },
  ulimit: {
    type: "list",
    shows: "ulimit",
    help: "Set a limit: NAME=SOFT[:HARD]",
    check: (text) => void parseUlimit(text),
  },
  "use-api-socket": notYet("bool"),
  user: { type: "string", short: "u", help: "User and group: NAME|UID[:GROUP|GID]" },
  userns: { type: "string", help: "User namespace to use" },
  uts: { type: "string", help: "UTS namespace to use" },
  volume: { type: "list", short: "v", help: "Mount a directory or a volume: [SOURCE:]TARGET[:OPTIONS]" },
  "volume-driver": { type: "string", help: "Driver of its volumes" },
  "volumes-from": { type: "list", help: "Mount what another container mounts" },
  workdir: { type: "string", short: "w", help: "Directory its program starts in" },
} as const satisfies FlagTable;

export const RUN_FLAGS = {
  ...CREATE_FLAGS,
  detach: { type: "bool", short: "d", help: "Leave it running and print its ID" },
  "detach-keys": { type: "string", help: "Keys that detach the terminal from it" },
  explain: { type: "bool", help: "Tell on standard error what is done on the kernel, as it happens" },
  "sig-proxy": { type: "bool", initially: true, help: "Hand signals that we receive on to it" },
} as const satisfies FlagTable;
