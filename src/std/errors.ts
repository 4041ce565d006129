/**
 * Errors that carry what kind of wrong they are.
 *
 * Code that finds a problem throws the kind and one sentence for the user; `api/status.ts` alone maps kinds to HTTP,
 * and the command line alone maps HTTP to exit codes. A sentence says what is wrong with what, and what to do.
 */

/** What kind of wrong an error is, independent of HTTP or of exit codes. */
export type ErrorKind =
  /** The named thing does not exist. */
  | "not-found"
  /** The state of the thing, or another thing, forbids the action. */
  | "conflict"
  /** The request itself is wrong. */
  | "invalid"
  /** The thing is already in the state that was asked for: nothing to do. */
  | "not-modified"
  /** Nobody said who asks, or a password is wrong. */
  | "unauthorized"
  /** The caller may not do this. */
  | "forbidden"
  /** This host or this version cannot do it. */
  | "unsupported"
  /** A resource is missing for now: disk full, limit reached. */
  | "unavailable"
  /** Our own fault, or the system's. */
  | "internal";

/** An error with a kind. `message` is the one sentence the user reads; `cause` is for the log. */
export class FathomError extends Error {
  override readonly name = "FathomError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  const first = firstOf(error);
  return first instanceof Error ? first.message : String(first);
}

/**
 * What went wrong first: where an undo fails as well, `using` throws a SuppressedError, which has no message and holds the failure
 * that everything began with.
 */
function firstOf(error: unknown): unknown {
  const isPair = error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return isPair ? firstOf(error.suppressed) : error;
}

/** The kind of anything that was thrown; what is not a FathomError is `internal`. */
export function kindOf(error: unknown): ErrorKind {
  const first = firstOf(error);
  return first instanceof FathomError ? first.kind : "internal";
}
