/** Events of containers, with the attributes Docker gives them. */

import type { Container } from "./container.ts";
import type { Context } from "./context.ts";

/** Reports what happened: the container's labels, its image and name, and what belongs to the action. */
export function tell(
  context: Context,
  container: Container,
  event: { action: string; attributes?: Record<string, string> },
): void {
  const { Id: id, Name: name, Config: config } = container.record.config;
  context.options.emit({
    action: event.action,
    id,
    attributes: { ...config.Labels, ...event.attributes, image: config.Image, name },
  });
}
