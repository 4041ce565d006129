/** What `fathom whois` answers: whose a process, a port, a link, an address, a rule or a path of this host is. */

export type WhoisKind = "process" | "port" | "link" | "address" | "rule" | "path";

/** A container, as far as it takes to know it again. */
export interface WhoisContainer {
  Id: string;
  Name: string;
  Image: string;
  Command: string;
  State: string;
  Pid: number;
}

export interface WhoisFinding {
  Kind: WhoisKind;
  /** What it was found by: `1234`, `8080/tcp`, `fm0a1b2c3d4`. */
  Subject: string;
  /** What it is, in words that follow its name: `is the first process`. */
  Sentence: string;
  /** A command that shows the same. */
  See: string;
  /** Whose it is; absent where it is the engine's own, or a network's, volume's or image's that no container uses. */
  Container?: WhoisContainer;
}

export interface WhoisAnswer {
  Asked: string;
  /** Empty: nobody's of this engine. */
  Findings: WhoisFinding[];
}
