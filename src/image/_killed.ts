/** For a test: imports an image of 500 files, slowly enough to be killed on the way. Its argument is the data directory. */

import { streamOf, tarOf } from "./_fixtures.ts";
import { driverNamed, importImage, openImages } from "./mod.ts";

const store = openImages({ root: process.argv[2] ?? "", driver: driverNamed("overlay2") });
const archive = tarOf(
  ...Array.from({ length: 500 }, (_, index) => ({ name: `f${index}`, content: "x".repeat(500) })),
);

process.stdout.write("begun\n");
await importImage(store, streamOf(archive, 20_000), { reference: "killed", changes: [] });
