import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readlinkSync } from "node:fs";
import {
  noneLeft,
  openDescriptors,
  readStream,
  shell,
  stepsOf,
  temporaryDirectory,
} from "./_test_support.ts";
import { type Call, named, result, text } from "./call.ts";
import { closeFd, owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { exited, reap } from "./process.ts";
import {
  listenConsoleSocket,
  openPty,
  receiveDescriptor,
  sendDescriptor,
  setWindowSize,
  socketPair,
  TTY,
} from "./pty.ts";
import { writeAll } from "./ready.ts";
import { spawn } from "./spawn.ts";
import { sys } from "./syscall.ts";

const OPTIONS = { namespaces: 0, memory: "shared", by: "container" } as const;

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => noneLeft(before));

describe("a terminal", () => {
  test("has two ends, the other being where its path says", () => {
    const pty = openPty();
    expect(readlinkSync(`/proc/self/fd/${pty.slave}`)).toBe(pty.slavePath);
    closeFd(pty.master);
    closeFd(pty.slave);
  });

  test("has the size it is given, as one step; one too large is cut to what fits", () => {
    const pty = openPty();
    const steps = stepsOf(() => setWindowSize(pty.master, 120, 40));
    expect(steps).toMatchObject([
      {
        call: "ioctl",
        args: ["terminal", "TIOCSWINSZ", "{ws_row=40, ws_col=120}"],
        what: "set the terminal's size",
      },
    ]);
    const size = new Uint8Array(8);
    sys("ioctl", pty.slave, TTY.TIOCGWINSZ, size);
    expect(Array.from(new Uint16Array(size.buffer).subarray(0, 2))).toEqual([40, 120]);
    setWindowSize(pty.slave, 1e9, -5);
    sys("ioctl", pty.slave, TTY.TIOCGWINSZ, size);
    expect(Array.from(new Uint16Array(size.buffer).subarray(0, 2))).toEqual([0, 65_535]);
    closeFd(pty.master);
    closeFd(pty.slave);
  });

  test("is the controlling terminal of a program, whose output ends when it does", async () => {
    const pty = openPty();
    const child = spawn(
      [
        { call: "setsid", args: [] },
        { call: "ioctl", args: [pty.slave, named(TTY.TIOCSCTTY, "TIOCSCTTY"), 0] },
        ...[0, 1, 2].map((fd): Call => ({ call: "dup3", args: [pty.slave, fd, 0] })),
        shell("read line < /dev/tty; echo got $line; stty size"),
      ],
      OPTIONS,
    );
    closeFd(pty.slave);
    setWindowSize(pty.master, 90, 25);
    await writeAll(pty.master, new TextEncoder().encode("hello\n"));
    let output = "";
    for await (const chunk of readStream(pty.master)) output += new TextDecoder().decode(chunk);
    closeFd(pty.master);
    expect(output).toBe("hello\r\ngot hello\r\n25 90\r\n");
    await exited(child.pidfd);
    closeFd(child.pidfd);
    expect(reap(child.pid)).toEqual({ exitCode: 0 });
  });
});

describe("a descriptor", () => {
  test("that a program's rows opened comes out through a socket, by a number they gave it", async () => {
    using directory = temporaryDirectory();
    const [here, there] = socketPair();
    const open: Call = {
      call: "openat",
      args: [named(AT.FDCWD, "AT_FDCWD"), text(`${directory.path}/f`), O.CREAT | O.RDWR | O.CLOEXEC, 0o600],
    };
    const fixed: Call = { call: "dup3", args: [result(open, "the file"), 100, O.CLOEXEC] };
    const steps = stepsOf(() => {
      child = spawn([open, fixed, sendDescriptor(there, 100), shell("exit 0")], OPTIONS);
    });
    expect(steps.find(({ call }) => call === "sendmsg")).toMatchObject({
      args: [String(there), "{SCM_RIGHTS [100]}", "MSG_NOSIGNAL"],
    });
    using received = owned(await receiveDescriptor(here));
    expect(readlinkSync(`/proc/self/fd/${received.fd}`)).toBe(`${directory.path}/f`);
    const F_GETFD = 1;
    expect(sys("fcntl", received.fd, F_GETFD)).toBe(1);
    await exited(child.pidfd);
    for (const fd of [child.pidfd, here, there]) closeFd(fd);
    reap(child.pid);
  });
  let child = { pid: 0, pidfd: -1 };

  test("is waited for when it comes later", async () => {
    const [here, there] = socketPair();
    const receiving = receiveDescriptor(here);
    await Bun.sleep(10);
    const late = spawn([sendDescriptor(there, 1), shell("exit 0")], OPTIONS);
    closeFd(await receiving);
    await exited(late.pidfd);
    for (const fd of [late.pidfd, here, there]) closeFd(fd);
    reap(late.pid);
  });

  test("that never comes is an error, be the other end closed or speaking of other things", async () => {
    const [here, there] = socketPair();
    sys("write", there, "hello", 5);
    await expect(receiveDescriptor(here)).rejects.toThrow("closed before it sent a descriptor");
    sys("read", here, new Uint8Array(9), 9);
    closeFd(there);
    await expect(receiveDescriptor(here)).rejects.toThrow("closed before it sent a descriptor");
    closeFd(here);
  });
});

describe("a console socket", () => {
  test.skipIf(Bun.which("python3") === null)(
    "gives the terminal that a runtime sends, and is gone afterwards",
    async () => {
      using directory = temporaryDirectory();
      const path = `${directory.path}/console.sock`;
      {
        using socket = listenConsoleSocket(path);
        const pty = openPty();
        const python =
          "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); socket.send_fds(s,[b'x'],[3])";
        const program = Bun.spawn(["python3", "-c", python, path], {
          stdio: ["ignore", "inherit", "inherit", pty.master],
        });
        using master = owned(await socket.receive());
        expect(await program.exited).toBe(0);
        setWindowSize(master.fd, 33, 44);
        const size = new Uint8Array(8);
        sys("ioctl", pty.slave, TTY.TIOCGWINSZ, size);
        expect(new Uint16Array(size.buffer)[1]).toBe(33);
        closeFd(pty.master);
        closeFd(pty.slave);
      }
      expect(existsSync(path)).toBeFalse();
    },
  );

  test("with a path too long for a socket is refused before anything is made", () => {
    expect(() => listenConsoleSocket(`/tmp/${"x".repeat(120)}`)).toThrow("longer than 107 bytes");
  });
});
