/**
 * One end of a measurement of published ports, run in a network namespace of its own:
 *
 *     bun _ports_peer.ts serve PORT            answers `e` by what follows, and `d` by bytes without end
 *     bun _ports_peer.ts rate ADDRESS PORT     connections a second, one after the other, each with one byte there and back
 *     bun _ports_peer.ts flow ADDRESS PORT     bytes a second on one connection
 */

import { connect, createServer } from "node:net";

/** Milliseconds of one measurement. */
const SPAN = 500;
const PIECE = Buffer.alloc(256 * 1024);

const [role, ...rest] = process.argv.slice(2);
const [address = "", port = rest[0]] = rest;
const to = { host: address, port: Number(port) };

if (role === "serve") serve();
else console.log(role === "rate" ? await rate() : await flow());

function serve(): void {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (data) => {
      if (data.toString() === "e") return socket.end("e");
      const fill = (): void => {
        while (socket.write(PIECE));
      };
      socket.on("drain", fill);
      return fill();
    });
  });
  server.listen(to.port, "0.0.0.0", () => console.log("ready"));
}

async function rate(): Promise<number> {
  const from = performance.now();
  let count = 0;
  while (performance.now() - from < SPAN) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(to, () => socket.write("e"));
      socket.on("data", () => undefined);
      socket.once("error", reject);
      socket.once("close", () => resolve());
    });
    count++;
  }
  return (count * 1000) / (performance.now() - from);
}

function flow(): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let from = 0;
    const socket = connect(to, () => {
      from = performance.now();
      socket.write("d");
    });
    socket.once("error", reject);
    socket.on("data", (data) => {
      bytes += data.length;
      const took = performance.now() - from;
      if (took < SPAN) return;
      socket.removeAllListeners("data");
      socket.destroy();
      resolve((bytes * 1000) / took);
    });
  });
}
