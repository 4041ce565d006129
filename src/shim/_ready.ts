/** What a shim writes to its standard output when its socket is there. */
export const READY = "ready\n";
