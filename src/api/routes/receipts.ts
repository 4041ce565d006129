/** Receipt routes, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { Receipt } from "../../spec/docker.ts";

export interface ReceiptBackend {
  get(containerId: string): Promise<Receipt>;
  /** The receipt told as a story, in text; with `follow` as it happens, until the container has ended. */
  tell(
    containerId: string,
    options: { follow: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>>;
}
