/** Where and how a shim keeps what a program writes: log options as they were read, every default filled in. It travels as JSON. */

/** A log in files of this host. */
export interface FileTarget {
  path: string;
  /** Bytes after which a new file is begun; no bound when 0 or less. */
  maxSize: number;
  /** How many files there are at most, the current one included. */
  maxFiles: number;
  /** Compress what is not written any more. */
  compress?: boolean;
  /** Kept with every record, for `logs --details`. */
  attributes?: Readonly<Record<string, string>>;
}

/** Where a syslog server is. Paths are absolute. */
export type SyslogAddress =
  /** The host's own, at one of its usual sockets. */
  | { kind: "local" }
  | { kind: "unix" | "unixgram"; path: string }
  | { kind: "udp" | "tcp"; host: string; port: number }
  | { kind: "tls"; host: string; port: number; tls: TlsFiles };

export interface TlsFiles {
  /** The system's authorities where absent. */
  ca?: string;
  /** The client's own certificate; both or none. */
  cert?: string;
  key?: string;
  skipVerify: boolean;
}

export type SyslogFormat = "unix" | "rfc3164" | "rfc5424" | "rfc5424micro";

export interface SyslogTarget {
  address: SyslogAddress;
  /** 0 to 23, RFC 5424, section 6.2.1. */
  facility: number;
  format: SyslogFormat;
  tag: string;
  /** Bytes of output that may wait for the server. */
  maxBuffer: number;
  /** What does not fit is dropped and counted; otherwise a server that is slow holds up the program. */
  nonBlocking: boolean;
}

export type LogTarget =
  | { driver: "none" }
  | ({ driver: "json-file" | "local" } & FileTarget)
  /** `cache` is what `logs` reads. */
  | { driver: "syslog"; syslog: SyslogTarget; cache?: FileTarget };
