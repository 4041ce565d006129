/**
 * From a container's record to the OCI configuration that a runtime runs: pure, so that it can be compared with Docker's.
 *
 * The result equals what Docker gives its runtime but where a test says otherwise: HOME stands in the environment (runc adds it
 * itself), the rules for the usual devices stand in the bundle (so does runc), a group stands once.
 */

import { INIT_PATH } from "../../spec/docker.ts";
import type { Linux, Namespace, NamespaceType, Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { cgroupPath } from "../cgroup_path.ts";
import { capabilityRequest } from "../check.ts";
import { commandLine, variableName } from "../config.ts";
import type { ConfigRecord } from "../records.ts";
import { userNamespaces } from "../user_namespace.ts";
import { grantedCapabilities } from "./capabilities.ts";
import type { PlanInput } from "./input.ts";
import { planMounts } from "./mounts.ts";
import { resourcesOf, rlimitsOf } from "./resources.ts";
import { customProfile, defaultProfile } from "./seccomp_profile.ts";
import { readSecurityOptions, type SecurityOptions } from "./security.ts";
import { type ResolvedUser, resolveUser } from "./users.ts";

const OCI_VERSION = "1.0.2";
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The configuration to run.
 * @throws {FathomError} invalid, when the user or a group is not in the image, or the seccomp profile is none.
 */
export function planRuntimeConfig(input: PlanInput): RuntimeConfig {
  const { config, host } = input.record;
  const security = readSecurityOptions(host.SecurityOpt ?? []);
  const capabilities = grantedCapabilities(capabilityRequest(host), input.facts.capabilities);
  const user = resolveUser(config.Config.User, input.users, host.GroupAdd ?? []);
  return {
    ociVersion: OCI_VERSION,
    process: planProcess(input, { user, capabilities, security }),
    root: { path: input.paths.rootfs, ...(host.ReadonlyRootfs && { readonly: true }) },
    ...(host.UTSMode !== "host" && { hostname: config.Config.Hostname }),
    mounts: planMounts(input),
    linux: planLinux(input, { capabilities, security }),
    ...(host.Annotations && { annotations: host.Annotations }),
  };
}

interface Granted {
  capabilities: string[];
  security: SecurityOptions;
}

function planProcess(input: PlanInput, granted: Granted & { user: ResolvedUser }): Process {
  const { config, host } = input.record;
  const { user, security } = granted;
  const { path, args } = commandLine(config.Config);
  const [height, width] = host.ConsoleSize;
  const rlimits = rlimitsOf(host);
  return {
    ...(config.Config.Tty && { terminal: true }),
    ...(config.Config.Tty && height > 0 && width > 0 && { consoleSize: { height, width } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: input.paths.init === undefined ? [path, ...args] : [INIT_PATH, "--", path, ...args],
    env: environment(config, { home: user.home, tty: config.Config.Tty, linked: input.linked }),
    cwd: config.Config.WorkingDir || "/",
    capabilities: capabilitySets(granted.capabilities, user.uid),
    ...(rlimits.length > 0 && { rlimits }),
    ...(security.noNewPrivileges && { noNewPrivileges: true }),
    oomScoreAdj: host.OomScoreAdj,
    ...(security.apparmor && input.facts.modules.apparmor && { apparmorProfile: security.apparmor }),
  };
}

/** A user other than root starts without effective ones, as execve(2) would leave it; what it may gain is bounded all the same. */
function capabilitySets(granted: string[], uid: number): NonNullable<Process["capabilities"]> {
  const own = uid === 0 ? granted : [];
  return { bounding: granted, effective: own, permitted: own, inheritable: [], ambient: [] };
}

/** Docker's own variables and those of linked containers, then the container's, which replace them; HOME of the user where nobody sets it. */
export function environment(
  { Config: config }: ConfigRecord,
  {
    home,
    tty,
    linked = [],
    more = [],
  }: { home: string; tty: boolean; linked?: readonly string[] | undefined; more?: readonly string[] },
): string[] {
  const own = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${config.Hostname}`, ...(tty ? ["TERM=xterm"] : [])];
  const env = replaceVariables([...own, ...linked], [...(config.Env ?? []), ...more]);
  return env.some((variable) => variable.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

/** `additions` take the place of variables of the same name, or follow; a name without `=` takes the variable away. */
function replaceVariables(variables: readonly string[], additions: readonly string[]): string[] {
  const result = new Map(variables.map((variable) => [variableName(variable), variable]));
  for (const variable of additions) {
    if (variable.includes("=")) result.set(variableName(variable), variable);
    else result.delete(variable);
  }
  return [...result.values()];
}

function planLinux(input: PlanInput, { capabilities, security }: Granted): Linux {
  const { config, host } = input.record;
  const devices = input.devices.map(({ device }) => device);
  const subject = { capabilities, architecture: input.facts.architecture };
  const unconfined = host.Privileged || security.seccomp === "unconfined";
  const profile = security.seccomp === "default" ? defaultProfile(subject) : undefined;
  const sysctl = sysctls(input);
  const propagation = rootPropagation(config);
  const maps = config.IdMaps;
  return {
    namespaces: namespaces(input),
    ...(maps && { uidMappings: maps.uids, gidMappings: maps.gids }),
    resources: resourcesOf(host, input),
    cgroupsPath: cgroupPath(input.record),
    ...(devices.length > 0 && { devices }),
    ...(Object.keys(sysctl).length > 0 && { sysctl }),
    ...(!unconfined && { seccomp: profile ?? customProfile(security.seccomp, subject) }),
    ...(propagation && { rootfsPropagation: propagation }),
    maskedPaths: host.MaskedPaths ?? [],
    readonlyPaths: host.ReadonlyPaths ?? [],
  };
}

function namespaces({ record, joined }: PlanInput): Namespace[] {
  const { host } = record;
  const join = (type: NamespaceType, file: string, of: number | string | undefined): Namespace =>
    of === undefined ? { type } : { type, path: typeof of === "string" ? of : `/proc/${of}/ns/${file}` };
  return [
    { type: "mount" },
    ...userNamespaces(record, joined),
    ...(host.NetworkMode === "host" ? [] : [join("network", "net", joined.network)]),
    ...(host.UTSMode === "host" ? [] : [join("uts", "uts", undefined)]),
    ...(host.PidMode === "host" ? [] : [join("pid", "pid", joined.pid)]),
    ...(host.IpcMode === "host" ? [] : [join("ipc", "ipc", joined.ipc)]),
    ...(host.CgroupnsMode === "private" ? [join("cgroup", "cgroup", undefined)] : []),
  ];
}

/** Any user may open low ports and ping in a network of the container's own, as in Docker since 20.10. */
function sysctls({ record: { config, host } }: PlanInput): Record<string, string> {
  const isOwnNetwork = host.NetworkMode !== "host" && !host.NetworkMode.startsWith("container:");
  const domain = config.Config.Domainname;
  return {
    ...(isOwnNetwork && {
      "net.ipv4.ip_unprivileged_port_start": "0",
      // In a user namespace not all of these groups exist, and Docker leaves it out, too.
      ...(config.IdMaps === undefined && { "net.ipv4.ping_group_range": "0 2147483647" }),
    }),
    // The OCI specification came to `domainname` late, and older runtimes pass over it; this sysctl does the same.
    ...(domain !== "" && host.UTSMode !== "host" && { "kernel.domainname": domain }),
    ...host.Sysctls,
  };
}

/** A bind that is to see later mounts needs a root that is not private. */
function rootPropagation(config: ConfigRecord): string | undefined {
  const kinds = config.MountPoints.map(({ Propagation: propagation }) => propagation);
  if (kinds.some((kind) => kind.endsWith("shared"))) return "shared";
  return kinds.some((kind) => kind.endsWith("slave")) ? "rslave" : undefined;
}
