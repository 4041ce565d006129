/** A daemon that launches one container, tells its socket, and waits to be killed. */

import { shims } from "./client.ts";

const { runDirectory, command, launch } = await Bun.stdin.json();
const pool = await shims({ runDirectory, command });
const shim = await pool.take();
await shim.launch(launch);
console.log(shim.socket);
await Bun.sleep(60_000);
