/** A shim with the engine's own runtime that dozes after a tenth of a second. */

import { main } from "./main.ts";

process.exit(await main(process.argv.slice(2), { patience: 100 }));
