/** `GET /containers/{id}/isolation`, Fathom's own: what a container can do to its host and to others, and what it cannot. */

export interface Isolation {
  Id: string;
  Name: string;
  /** Its first process. While it runs all of this is read from the kernel, else from what it was asked to be. */
  Pid: number;
  Running: boolean;
  /** Whether it is the container's own, the host's, or shared with the containers named. */
  Namespaces: { Type: string; Sharing: "own" | "host" | "shared"; With: string[] }[];
  User: { Name: string; Uid: number; HostUid: number };
  /** Names of capabilities(7) that it may have or gain, and that it is denied for good. */
  Capabilities: { Had: string[]; Denied: string[]; Unusual: string[]; Missing: string[] };
  Seccomp: boolean;
  NoNewPrivileges: boolean;
  Privileged: boolean;
  /** Devices besides those of every container. */
  Devices: string[];
  ReadonlyRootfs: boolean;
  /** Places where it may write that lie outside of its own file system. */
  WritableMounts: { Source: string; Destination: string }[];
  /** How many paths of procfs and sysfs are hidden, and how many read-only. */
  HiddenPaths: number;
  ReadonlyPaths: number;
  /** 0: no limit. Memory in bytes. */
  Limits: { Memory: number; Cpus: number; Pids: number };
  /** What is not as it is by default, in sentences. */
  Unusual: string[];
}
