/**
 * Prints docs/compatibility.md: every endpoint and every flag, with the tests that show it.
 *
 *     bun scripts/compatibility.ts > docs/compatibility.md
 *     bun scripts/compatibility.ts docker DIRECTORY > scripts/compatibility/docker_surface.json
 *
 * The second form reads what Docker has from its API description and its command's tables, once for each version of those.
 */

import { readSurface, surfaceFrom } from "./compatibility/docker.ts";
import { documentOf } from "./compatibility/document.ts";
import { readTests } from "./compatibility/evidence.ts";
import { commands, endpoints } from "./compatibility/ours.ts";

const [mode, directory = "."] = process.argv.slice(2);
const text =
  mode === "docker"
    ? `${JSON.stringify(await surfaceFrom(directory), null, 1)}\n`
    : documentOf(
        { endpoints: endpoints(), commands: await commands() },
        await readSurface(),
        await readTests(),
      );
await Bun.write(Bun.stdout, text);
