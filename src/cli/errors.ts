/** What ends a command: errors with the words and the exit code that the docker command gives them. */

/** The command line is wrong; printed with the command's usage, exit code 125. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The number of operands is wrong; printed with the command's usage, exit code 1. */
export class OperandError extends Error {
  override readonly name = "OperandError";
}

/** Ends the command with this code after printing the message as it is; an empty message prints nothing. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: number;

  constructor(message: string, code = 1, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The daemon answered with an error; the message is the daemon's, as the user shall read it. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";
  readonly status: number;
  /** The daemon's sentence alone. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(`Error response from daemon: ${reason}`);
    this.status = status;
    this.reason = reason;
  }
}

/** Nobody answers where the daemon should. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The system's symbolic error, as ECONNREFUSED. */
  readonly code: string;

  constructor(address: string, code: string, options?: ErrorOptions) {
    super(sentence(address, code), options);
    this.code = code;
  }
}

function sentence(address: string, code: string): string {
  if (code === "EACCES" || code === "EPERM") {
    return `permission denied while trying to connect to the Fathom daemon socket at ${address}: become root or join the group that may use it`;
  }
  return `Cannot connect to the Fathom daemon at ${address}. Is the fathom daemon running?`;
}

/** The daemon's answer broke off, or was none. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
