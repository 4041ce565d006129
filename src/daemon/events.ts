/**
 * The event bus: what happened, told to whoever listens. Events report; nothing in the engine acts on one.
 *
 * The last 256 events are kept in memory for `since`, as Docker does; a daemon that starts anew begins with none.
 */

import { now } from "../kernel/mod.ts";
import type { EventMessage } from "../spec/docker.ts";

const KEPT = 256;
/** A listener that falls this far behind is ended rather than fed from memory without bound. */
const MOST_PENDING = 10_000;

export interface EventQuery {
  /** Seconds since the epoch, with fraction; 0 for no bound. */
  since: number;
  until: number;
  /** Docker's filters: `type`, `event`, `container`, `image`, `label`, `network`, `volume`, `daemon`, `scope`. */
  filters: Record<string, string[]>;
}

export interface EventBus {
  emit(
    event: Pick<EventMessage, "Type" | "Action"> & { id: string; attributes: Record<string, string> },
  ): void;
  /** Kept events since `since`, then live ones until `until` or the signal. */
  subscribe(query: EventQuery, signal: AbortSignal): AsyncIterable<EventMessage>;
  /** How many listen now. */
  listeners(): number;
}

export function eventBus(): EventBus {
  const kept: EventMessage[] = [];
  const listeners = new Set<(message: EventMessage) => void>();
  return {
    emit(event) {
      const message = messageOf(event);
      kept.push(message);
      if (kept.length > KEPT) kept.shift();
      for (const listener of listeners) listener(message);
    },
    subscribe(query, signal) {
      const past = query.since > 0 ? kept.filter((message) => inTime(message, query)) : [];
      return follow(listeners, { past, query, signal });
    },
    listeners: () => listeners.size,
  };
}

/** Registers at once, so that nothing between the call and the first read is lost. */
function follow(
  listeners: Set<(message: EventMessage) => void>,
  options: { past: EventMessage[]; query: EventQuery; signal: AbortSignal },
): AsyncIterable<EventMessage> {
  const { query, signal } = options;
  const pending = options.past.filter((message) => matches(message, query.filters));
  let ended = signal.aborted || (query.until > 0 && query.until * 1000 <= Date.now());
  let wake = (): void => undefined;
  const end = (): void => {
    ended = true;
    listeners.delete(listen);
    wake();
  };
  const listen = (message: EventMessage): void => {
    if (matches(message, query.filters)) pending.push(message);
    if (pending.length > MOST_PENDING) end();
    wake();
  };
  if (!ended) listeners.add(listen);
  signal.addEventListener("abort", end, { once: true });
  const timer = query.until > 0 && !ended ? setTimeout(end, query.until * 1000 - Date.now()) : undefined;

  return (async function* () {
    try {
      while (true) {
        yield* pending.splice(0);
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (pending.length > 0 || ended) resolve();
        });
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      end();
    }
  })();
}

function messageOf(event: Parameters<EventBus["emit"]>[0]): EventMessage {
  const nanos = now();
  const { Type, Action, id, attributes } = event;
  return {
    // The fields of API v1.21 and older stand beside the newer ones, and only for containers and images.
    ...((Type === "container" || Type === "image") && { status: Action, id }),
    ...(Type === "container" && attributes.image !== undefined && { from: attributes.image }),
    Type,
    Action,
    Actor: { ID: id, Attributes: attributes },
    scope: "local",
    time: Number(nanos / 1_000_000_000n),
    timeNano: Number(nanos),
  };
}

/** Clients ask in milliseconds at best, and stamps stray from their clock by less than one: so much is allowed at both ends. */
function inTime({ timeNano }: EventMessage, { since, until }: EventQuery): boolean {
  return timeNano + 1e6 >= since * 1e9 && (until === 0 || timeNano <= until * 1e9 + 1e6);
}

/** Different filters must all hold. Values of one are alternatives, but for labels. What Docker does not know it passes over. */
function matches(message: EventMessage, filters: Record<string, string[]>): boolean {
  return Object.entries(filters).every(([name, values]) => {
    const has = (value: string) => matchesOne(message, name, value);
    return name === "label" ? values.every(has) : values.some(has);
  });
}

function matchesOne(message: EventMessage, name: string, value: string): boolean {
  const { ID, Attributes } = message.Actor;
  switch (name) {
    case "type":
      return message.Type === value;
    case "event":
      return message.Action === value || message.Action.startsWith(`${value}:`);
    case "scope":
      return message.scope === value;
    case "image": {
      const image = (message.Type === "image" ? Attributes.name : Attributes.image) ?? "";
      return [ID, image, withoutTag(ID), withoutTag(image)].includes(value);
    }
    case "container":
    case "network":
    case "volume":
    case "daemon":
      return message.Type === name && (ID.startsWith(value) || (Attributes.name ?? "").startsWith(value));
    case "label": {
      const [key = "", wanted] = value.split(/=(.*)/s);
      return key in Attributes && (wanted === undefined || Attributes[key] === wanted);
    }
    case "plugin":
    case "node":
    case "service":
    case "secret":
    case "config":
      return false; // There is nothing of the kind, and so no event of it.
    default:
      return true;
  }
}

/** `localhost:5000/a` of `localhost:5000/a:1`. */
function withoutTag(reference: string): string {
  return reference.replace(/:[^:/]*$/, "");
}
