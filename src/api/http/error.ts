/** What goes wrong in HTTP itself, before any backend is asked. */

/** A request that breaks HTTP or a limit of ours. `status` is the answer's; the connection closes behind it. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
