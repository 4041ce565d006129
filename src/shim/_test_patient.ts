/** A shim with the engine's own runtime that dozes only when it is told that nothing will come. */

import { main } from "./main.ts";

process.exit(await main(process.argv.slice(2), { patience: 60_000 }));
