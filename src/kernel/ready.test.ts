import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { noneLeft, openDescriptors, readStream } from "./_test_support.ts";
import { closeFd, owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { type Pipe, pipe, readable, setNonBlocking, untilEinval, writable, writeAll } from "./ready.ts";
import { sys } from "./syscall.ts";

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => noneLeft(before));

function nonBlockingPipe(): Pipe & Disposable {
  const ends = pipe(O.NONBLOCK);
  return {
    ...ends,
    [Symbol.dispose]: () => {
      closeFd(ends.read);
      closeFd(ends.write);
    },
  };
}

/** Whether a promise is settled within a short time. */
async function soon(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise.then(() => true), Bun.sleep(30).then(() => false)])) === true;
}

describe("waiting", () => {
  test("to read ends when there is something to read, and not before", async () => {
    using ends = nonBlockingPipe();
    const ready = readable(ends.read);
    expect(await soon(ready)).toBeFalse();
    sys("write", ends.write, "x", 1);
    await ready;
    await readable(ends.read); // still there: nothing was taken
    expect(sys("read", ends.read, new Uint8Array(9), 9)).toBe(1);
  });

  test("to read ends when the other end is closed", async () => {
    const ends = pipe(O.NONBLOCK);
    const ready = readable(ends.read);
    closeFd(ends.write);
    await ready;
    closeFd(ends.read);
  });

  test("to write ends when there is room", async () => {
    using ends = nonBlockingPipe();
    await writable(ends.write);
    const block = new Uint8Array(65_536);
    while (sys("write", ends.write, block, block.length) > 0);
    const ready = writable(ends.write);
    expect(await soon(ready)).toBeFalse();
    sys("read", ends.read, block, block.length);
    await ready;
  });

  test("for a regular file ends at once, since it is always ready", async () => {
    using file = owned(sys("openat", AT.FDCWD, "/etc/passwd", O.RDONLY | O.CLOEXEC));
    await readable(file.fd);
    await writable(file.fd);
  });

  test("for what is no descriptor is an error", async () => {
    await expect(readable(9999)).rejects.toThrow("wait for a descriptor: EBADF");
  });

  test("200 times leaves no descriptor", async () => {
    using ends = nonBlockingPipe();
    sys("write", ends.write, "x", 1);
    for (let index = 0; index < 200; index++) await readable(ends.read);
  });
});

describe("moving bytes", () => {
  test("more than fit waits for the reader, and arrives whole and in order", async () => {
    const ends = pipe(O.NONBLOCK);
    const data = new Uint8Array(1 << 20).map((_, index) => (index * 7) >> 3);
    const writing = writeAll(ends.write, data);
    expect(await soon(writing)).toBeFalse();
    const received: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of readStream(ends.read)) received.push(chunk);
    })();
    await writing;
    closeFd(ends.write);
    await reading;
    closeFd(ends.read);
    expect(Buffer.concat(received).equals(data)).toBeTrue();
  });

  test("to a reader that is gone is EPIPE", async () => {
    const ends = pipe(O.NONBLOCK);
    closeFd(ends.read);
    await expect(writeAll(ends.write, new Uint8Array(1))).rejects.toThrow("EPIPE");
    closeFd(ends.write);
  });

  test("a reader that stops early leaves the descriptor open and usable", async () => {
    using ends = nonBlockingPipe();
    await writeAll(ends.write, new TextEncoder().encode("first"));
    for await (const chunk of readStream(ends.read)) {
      expect(new TextDecoder().decode(chunk)).toBe("first");
      break;
    }
    await writeAll(ends.write, new TextEncoder().encode("second"));
    await readable(ends.read);
    const buffer = new Uint8Array(20);
    expect(sys("read", ends.read, buffer, 20)).toBe(6);
  });

  test("a descriptor can be made non-blocking and blocking again", () => {
    const ends = pipe();
    const F_GETFL = 3;
    setNonBlocking(ends.read, true);
    expect(sys("fcntl", ends.read, F_GETFL) & O.NONBLOCK).toBe(O.NONBLOCK);
    expect(sys("fcntl", ends.write, F_GETFL) & O.NONBLOCK).toBe(0);
    setNonBlocking(ends.read, false);
    expect(sys("fcntl", ends.read, F_GETFL) & O.NONBLOCK).toBe(0);
    closeFd(ends.read);
    closeFd(ends.write);
  });
});

describe("what the runtime does without saying so", () => {
  test("a read of an epoll descriptor ends in EINVAL once what it watches is ready", async () => {
    using epoll = owned(sys("epoll_create1", O.CLOEXEC));
    using ends = nonBlockingPipe();
    sys("fcntl", epoll.fd, 4, O.NONBLOCK);
    const event = new Uint8Array(16);
    event[0] = 1;
    expect(sys("epoll_ctl", epoll.fd, 1, ends.read, event)).toBe(0);
    const ended = untilEinval(epoll.fd);
    expect(await soon(ended)).toBeFalse();
    sys("write", ends.write, "x", 1);
    await ended;
  });

  test("a stream of a descriptor watches a duplicate: closing the descriptor meanwhile does no harm", async () => {
    const ends = pipe(O.NONBLOCK);
    const stream = readStream(ends.read);
    const next = stream.next();
    await Bun.sleep(10);
    closeFd(ends.read);
    await writeAll(ends.write, new TextEncoder().encode("still read"));
    expect(new TextDecoder().decode((await next).value ?? new Uint8Array())).toBe("still read");
    closeFd(ends.write);
    expect((await stream.next()).done).toBeTrue();
  });
});
