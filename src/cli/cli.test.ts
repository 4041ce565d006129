import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { frame as multiplexed, type StreamName } from "../std/stdcopy.ts";
import { type Answer, fakeDaemon, fathom, fathomCommand, json, UPGRADED } from "./_fake_daemon.ts";

/** A frame of Docker's multiplexed stream. */
function frame(stream: StreamName, content: string | Uint8Array): Uint8Array {
  return multiplexed(stream, typeof content === "string" ? new TextEncoder().encode(content) : content);
}

/** A daemon that creates and starts a container; `attached` plays the program. */
function engine(attached: (socket: Socket, exit: (code: number) => void) => void, others?: Answer): Answer {
  let program: Socket | undefined;
  let waiter: Socket | undefined;
  const exit = (code: number) => {
    const body = JSON.stringify({ StatusCode: code });
    waiter?.end(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  };
  return (line, socket, body) => {
    if (line.startsWith("POST /containers/create")) socket.end(json(201, { Id: "abc", Warnings: [] }));
    else if (line.includes("/attach")) {
      program = socket;
      socket.write(UPGRADED);
    } else if (line.includes("/wait")) {
      waiter = socket;
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    } else if (line.endsWith("/start")) {
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
      if (program) attached(program, exit);
    } else others?.(line, socket, body);
  };
}

describe("run", () => {
  test("output is taken apart, wherever the transport cut it, and the program's code is ours", async () => {
    await using daemon = await fakeDaemon(
      engine((program, exit) => {
        const bytes = Buffer.concat([
          frame("stdout", "out\n"),
          frame("stderr", "err\n"),
          frame("stdout", "more\n"),
        ]);
        for (const byte of bytes) program.write(Buffer.from([byte]));
        program.end();
        exit(7);
      }),
    );
    expect(await fathom(["-H", daemon.address, "run", "--rm", "x", "true"])).toEqual({
      code: 7,
      out: "out\nmore\n",
      err: "err\n",
    });
    expect(daemon.requests.map(({ line }) => line)).toEqual([
      "POST /containers/create",
      expect.stringMatching(/abc\/(attach|wait)\?/),
      expect.stringMatching(/abc\/(attach|wait)\?/),
      "POST /containers/abc/start",
    ]);
  });

  test("32 MB of standard input arrive whole, then its end, and come back whole", async () => {
    const input = new Uint8Array(32 << 20).map((_, at) => at * 31);
    await using daemon = await fakeDaemon(
      engine((program, exit) => {
        program.on("data", (bytes: Buffer) => {
          if (program.write(frame("stdout", bytes))) return;
          program.pause();
          program.once("drain", () => program.resume());
        });
        program.on("end", () => {
          program.end();
          exit(0);
        });
      }),
    );
    const child = Bun.spawn(fathomCommand("-H", daemon.address, "run", "-i", "x", "cat"), {
      stdin: input,
      stdout: "pipe",
    });
    expect(Bun.hash(await child.stdout.bytes())).toBe(Bun.hash(input));
    expect(await child.exited).toBe(0);
  });

  test("the end of the program ends the command, though its input stays open", async () => {
    await using daemon = await fakeDaemon(
      engine((program, exit) => {
        program.end();
        exit(3);
      }),
    );
    const child = Bun.spawn(fathomCommand("-H", daemon.address, "run", "-i", "x"), { stdin: "pipe" });
    expect(await child.exited).toBe(3);
  });

  test("a signal is handed on to the program", async () => {
    let end: () => void = () => undefined;
    await using daemon = await fakeDaemon(
      engine(
        (program, exit) => {
          program.write(frame("stdout", "ready\n"));
          end = () => {
            program.end();
            exit(143);
          };
        },
        (_line, socket) => {
          socket.end("HTTP/1.1 204 No Content\r\n\r\n");
          end();
        },
      ),
    );
    const child = Bun.spawn(fathomCommand("-H", daemon.address, "run", "x"), { stdout: "pipe" });
    await child.stdout.getReader().read();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(daemon.requests.at(-1)?.line).toBe("POST /containers/abc/kill?signal=TERM");
  });

  test.each([
    ['exec: "x": executable file not found in $PATH', 127],
    ['exec: "/etc": is a directory', 126],
    ['exec: "/x": permission denied', 126],
    ["no space left on device", 125],
  ])("when the start fails with %j the code is %d", async (message, code) => {
    await using daemon = await fakeDaemon((line, socket) => {
      if (line.includes("/create")) socket.end(json(201, { Id: "abc" }));
      else if (line.includes("/attach")) socket.write(UPGRADED);
      else if (line.includes("/wait")) socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      else socket.end(json(400, { message }));
    });
    const { code: got, err } = await fathom(["-H", daemon.address, "run", "x"]);
    expect(err).toBe(
      `fathom: Error response from daemon: ${message}\n\nRun 'fathom run --help' for more information\n`,
    );
    expect(got).toBe(code);
  });

  test("a missing image is pulled, and what the pull says in its stream is an error", async () => {
    await using daemon = await fakeDaemon((line, socket) => {
      if (line.includes("/containers/create")) socket.end(json(404, { message: "No such image: x:latest" }));
      else socket.end(json(200, { error: "no registry" }));
    });
    const { code, err } = await fathom(["-H", daemon.address, "run", "x"]);
    expect(code).toBe(125);
    expect(err).toStartWith("Unable to find image 'x:latest' locally\nfathom: no registry\n");
    expect(daemon.requests.at(-1)?.line).toBe("POST /images/create?fromImage=x&tag=latest");
  });
});

describe("other commands", () => {
  test("what could be done is printed, what could not is complained of, and the code is 1", async () => {
    await using daemon = await fakeDaemon((line, socket) => {
      if (line.includes("/bad/")) socket.end(json(404, { message: "No such container: bad" }));
      else socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    });
    expect(await fathom(["-H", daemon.address, "stop", "-t", "0", "good", "bad"])).toEqual({
      code: 1,
      out: "good\n",
      err: "Error response from daemon: No such container: bad\n",
    });
  });

  test("a command that Docker has and Fathom has not says so", async () => {
    expect(await fathom(["compose", "up"])).toEqual({
      code: 1,
      out: "",
      err: "fathom: Fathom does not have 'fathom compose' yet\n",
    });
  });

  test("an answer in chunks is read wherever it is cut", async () => {
    const rows = JSON.stringify([
      {
        Id: "sha256:0123456789abcdef",
        RepoTags: ["a:b"],
        Created: 0,
        Size: 1000,
        SharedSize: -1,
        Containers: -1,
      },
    ]);
    await using daemon = await fakeDaemon((_line, socket) => {
      const middle = rows.length >> 1;
      const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${middle.toString(16)};x=y\r\n${rows.slice(0, middle)}\r\n${(rows.length - middle).toString(16)}\r\n${rows.slice(middle)}\r\n0\r\n\r\n`;
      for (const byte of Buffer.from(answer)) socket.write(Buffer.from([byte]));
    });
    const { out } = await fathom([
      "-H",
      daemon.address,
      "images",
      "--format",
      "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}",
    ]);
    expect(out).toBe("a:b 0123456789ab 1kB\n");
  });

  test("an answer that breaks off, or is none, is said in a sentence", async () => {
    await using daemon = await fakeDaemon((line, socket) => {
      socket.end(
        line.includes("/info") ? "SSH-2.0-OpenSSH\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
      );
    });
    const message = (command: string) =>
      fathom(["-H", daemon.address, command]).then(({ code, err }) => [code, err]);
    expect(await message("ps")).toEqual([
      1,
      "the daemon closed the connection in the middle of its answer\n",
    ]);
    expect(await message("info")).toEqual([
      1,
      "the daemon's answer is not HTTP/1.1: is something else listening on this address?\n",
    ]);
  });

  test("nobody at the address is said in docker's words, and no daemon is started for an address that was given", async () => {
    expect(await fathom(["-H", "unix:///nonexistent/s", "ps"])).toEqual({
      code: 1,
      out: "",
      err: "Cannot connect to the Fathom daemon at unix:///nonexistent/s. Is the fathom daemon running?\n",
    });
  });
});
