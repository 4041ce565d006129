/**
 * Prints docs/compatibility.md: every endpoint and every flag, with the tests that show it.
 *
 *     bun scripts/compatibility.ts               prints the page
 *     bun scripts/compatibility.ts write         puts it in its place
 *     bun scripts/compatibility.ts docker DIRECTORY > scripts/compatibility/docker_surface.json
 *
 * The last reads what Docker has from its API description and its command's tables, once for each version of those.
 */

import { join } from "node:path";
import { readSurface, surfaceFrom } from "./compatibility/docker.ts";
import { documentOf } from "./compatibility/document.ts";
import { readTests } from "./compatibility/evidence.ts";
import { commands, endpoints } from "./compatibility/ours.ts";

const PAGE = Bun.file(join(import.meta.dir, "../docs/compatibility.md"));
const [mode, directory = "."] = process.argv.slice(2);

if (mode === "docker")
  await Bun.write(Bun.stdout, `${JSON.stringify(await surfaceFrom(directory), null, 1)}\n`);
else await Bun.write(mode === "write" ? PAGE : Bun.stdout, await pageText());

async function pageText(): Promise<string> {
  return documentOf({
    ours: { endpoints: endpoints(), commands: await commands() },
    docker: await readSurface(),
    tests: await readTests(),
    page: (await PAGE.exists()) ? await PAGE.text() : "",
  });
}
