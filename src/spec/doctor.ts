/** What `fathom doctor` finds: damage and what was left over, over the API and from a daemon's own files alike. */

export interface Finding {
  kind:
    | "mount"
    | "cgroup"
    | "shim"
    | "bundle"
    | "unfinished"
    | "snapshot"
    | "damaged"
    | "temporary"
    | "socket"
    | "pidfile"
    | "images"
    | "disk"
    | "firewall"
    | "host"
    | "image"
    | "blob"
    | "layer"
    | "leftover"
    | "volume"
    | "trash";
  /** A path, a process, a container: what it is about. */
  subject: string;
  /** What is wrong, in one sentence. */
  sentence: string;
  /** A command that shows it. */
  see: string;
  /** It can be mended without losing anything of a user's. */
  mendable: boolean;
  /** What was done about it, or why that failed. */
  done?: string;
}

export interface Examination {
  /** Whether a daemon was asked; without one it is not known what lives only in its memory. */
  daemon: boolean;
  Findings: Finding[];
  /** What could not be found out, in sentences. */
  Unknown: string[];
}

/** A finding with the way to mend it, where there is one that loses nothing: it gives what was done. */
export interface Damage extends Omit<Finding, "mendable" | "done"> {
  mend?: () => Promise<string>;
}
