import type { Runtime } from "./runtime.ts";
export function adapterFor(name: string): Runtime {
  throw new Error(name);
}
