/** Keeps long synchronous work from holding up everything else in the process. */

/** Work asks `isDue` often, and awaits `pause` when it is. */
export interface Pace {
  isDue(): boolean;
  pause(): Promise<void>;
}

/** Longest stretch of work in milliseconds. */
const STRETCH = 8;

export function pace(): Pace {
  let since = performance.now();
  return {
    isDue: () => performance.now() - since > STRETCH,
    async pause() {
      await new Promise((resolve) => setImmediate(resolve));
      since = performance.now();
    },
  };
}
