/** Signals that are meant for a daemon or a terminal's programs, and must not take the container with them; signal(7). */
export const NOT_FOR_US = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
