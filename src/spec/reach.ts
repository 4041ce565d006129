/** What `fathom network reach` answers: which ports of a container are reached from where, and what decides that. */

/** Where somebody stands who wants to reach a container. */
export type Origin = "container" | "neighbours" | "host" | "other networks" | "outside";

/** A rule that decided: one of a chain, or the chain's policy. */
export interface ReachRule {
  Family: string;
  Table: string;
  Chain: string;
  /** Absent where the policy decided. */
  Handle?: number;
}

export interface ReachWay {
  From: Origin;
  /** Address and port to use: `172.17.0.2:80`, `0.0.0.0:8080`. */
  At: string;
  Reachable: boolean;
  /** False where a rule on the way depends on what cannot be known beforehand. */
  Certain: boolean;
  /** Why, in words that follow "because". */
  Why: string;
  By?: ReachRule;
}

export interface ReachPort {
  Port: number;
  Protocol: "tcp" | "udp" | "sctp";
  /** The container's own addresses at which its programs listen; empty: nobody does. */
  ListensAt: string[];
  Ways: ReachWay[];
}

export interface Reach {
  Id: string;
  Name: string;
  /** Its addresses, by network. */
  Addresses: { Network: string; Address: string }[];
  Ports: ReachPort[];
  /** What holds for the container as a whole: on the host's network, without any, not running. */
  Notes: string[];
}
