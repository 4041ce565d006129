/** Starts a shim process that outlives this one. */

import { spawnProgram } from "../kernel/process.ts";
import { FathomError } from "../std/errors.ts";
import { READY } from "./_ready.ts";

/** All that a shim knows of its environment: other runtimes look for programs of theirs. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/** Resolves when the shim listens at `socket`. @throws {FathomError} internal, with what it wrote, when it does not come to that. */
export async function startShim(command: readonly string[], socket: string): Promise<void> {
  const program = spawnProgram([...command, "--socket", socket], {
    stdio: ["ignore", "pipe", "pipe"],
    env: ENVIRONMENT,
    cwd: "/",
    detached: true,
    what: "start a shim",
  });
  program.unref();
  let said = "";
  for await (const chunk of program.stdout ?? []) {
    said += new TextDecoder().decode(chunk);
    if (said.includes(READY)) break;
  }
  if (said.includes(READY)) {
    await program.stderr?.cancel();
    return;
  }
  const complaint = await new Response(program.stderr).text();
  throw new FathomError(
    "internal",
    `a shim did not start: exit status ${await program.exited}${complaint && `: ${complaint.trim()}`}`,
  );
}
