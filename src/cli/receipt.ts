/** The receipt of a container, told on standard error while it runs. */

import type { Context } from "./command.ts";
import { writeTo } from "./output.ts";

/** Resolves once the daemon tells; `told` resolves at the story's end. */
export async function followReceipt({ client }: Context, id: string): Promise<{ told: Promise<void> }> {
  const reply = await client.send("GET", `/containers/${id}/receipt`, {
    query: { format: "text", follow: true },
  });
  const copy = async () => {
    for await (const bytes of reply.body) await writeTo("stderr", bytes);
  };
  const told = copy();
  // Where the container could not be started, that is the news, not the story that broke off.
  told.catch(() => undefined);
  return { told };
}
