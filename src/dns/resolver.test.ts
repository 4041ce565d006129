import { describe, expect, test } from "bun:test";
import { closeFd } from "../kernel/file.ts";
import { send } from "../kernel/net/inet.ts";
import { untilEinval } from "../kernel/ready.ts";
import { framed } from "./_exchange.ts";
import { RCODE, TYPE } from "./message.ts";
import { Resolver, TICK } from "./resolver.ts";
import { openSockets } from "./sockets.ts";
import { makePlace, makeServer, type Place, queryFor, readFramed, replyTo, shown } from "./test_support.ts";

const NETWORK = {
  network: "back",
  names: { web: ["10.0.0.2", "10.0.0.3", "fd00::2"], db: ["10.0.0.4"] },
  hosts: { "10.0.0.2": "web", "fd00::2": "web" },
};

/** A place with a resolver that serves in this process. */
async function serving(stack: AsyncDisposableStack): Promise<Place> {
  const place = makePlace(stack);
  place.writeNetwork("n1", NETWORK);
  place.writeContainer({});
  const resolver = new Resolver(openSockets(place.namespace), place.table);
  let over = false;
  const tick = setInterval(() => resolver.turn(), TICK);
  const serve = async (): Promise<void> => {
    while (!over) {
      await untilEinval(resolver.fd);
      resolver.turn();
    }
  };
  const served = serve();
  stack.defer(async () => {
    over = true;
    clearInterval(tick);
    resolver.end();
    await served;
    resolver[Symbol.dispose]();
  });
  return place;
}

describe("names of a network", () => {
  test("have all their addresses, in any case of letters, also as NAME.NETWORK", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask } = await serving(stack);
    for (const name of ["web", "WeB", "web.back", "web.BACK."])
      expect(shown(await ask(queryFor(name))).records).toEqual(["10.0.0.2", "10.0.0.3"]);
    expect(shown(await ask(queryFor("web", TYPE.AAAA))).records).toEqual([
      "fd000000000000000000000000000002",
    ]);
  });

  test("have no records of a kind that there is none of, and are not asked for elsewhere", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask } = await serving(stack);
    for (const type of [TYPE.AAAA, TYPE.MX, 65])
      expect(shown(await ask(queryFor("db", type)))).toMatchObject({ code: RCODE.OK, records: [] });
  });

  test("come back from addresses of both families", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask } = await serving(stack);
    const reversed = `2${".0".repeat(27)}.0.0.d.f.ip6.arpa`;
    for (const name of ["2.0.0.10.in-addr.arpa", reversed])
      expect(shown(await ask(queryFor(name, TYPE.PTR))).records).toEqual(["web.back"]);
  });

  test("appear, change and vanish while others ask", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeNetwork } = await serving(stack);
    const late = async () => shown(await ask(queryFor("late")));
    expect((await late()).code).toBe(RCODE.SERVER);
    writeNetwork("n1", { ...NETWORK, names: { late: ["10.0.0.9"] } });
    expect((await late()).records).toEqual(["10.0.0.9"]);
    writeNetwork("n1", NETWORK);
    await Bun.sleep(10);
    expect((await late()).code).toBe(RCODE.SERVER);
  });

  test("are found by a link's alias", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeContainer } = await serving(stack);
    writeContainer({ networks: [{ id: "n1", links: { store: "db" } }] });
    expect(shown(await ask(queryFor("store"))).records).toEqual(["10.0.0.4"]);
  });

  test("that have more addresses than a datagram holds are cut, and whole by TCP", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, dial, writeNetwork } = await serving(stack);
    const many = Array.from({ length: 200 }, (_, index) => `10.1.0.${index}`);
    writeNetwork("n1", { network: "back", names: { many }, hosts: {} });
    expect(shown(await ask(queryFor("many")))).toMatchObject({ cut: true });
    const wide = shown(await ask(queryFor("many", TYPE.A, { edns: 4096 })));
    expect(wide).toMatchObject({ cut: false });
    expect(wide.records).toHaveLength(200);
    const fd = await dial();
    // Two at once, the second in two pieces.
    const second = framed(queryFor("many", TYPE.A, { id: 9 }));
    send(fd, Buffer.concat([framed(queryFor("many")), second.subarray(0, 5)]));
    expect(shown(await readFramed(fd)).records).toHaveLength(200);
    send(fd, second.subarray(5));
    expect(shown(await readFramed(fd))).toMatchObject({ id: 9, cut: false });
    closeFd(fd);
  });
});

describe("other names", () => {
  test("are asked of the servers, by the transport that the asker used, under another number", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, dial, writeContainer } = await serving(stack);
    const ids = new Set<number>();
    const server = await makeServer(stack, (query) => {
      ids.add(query.readUInt16BE(0));
      return [replyTo(query, "192.0.2.1")];
    });
    writeContainer({ servers: [server] });
    for (let id = 1; id <= 20; id++)
      expect(shown(await ask(queryFor("example.com", TYPE.A, { id })))).toMatchObject({
        id,
        records: ["192.0.2.1"],
      });
    expect(ids.size).toBeGreaterThan(15);
    const fd = await dial();
    send(fd, framed(queryFor("example.com", TYPE.A, { id: 77 })));
    expect(shown(await readFramed(fd))).toMatchObject({ id: 77, records: ["192.0.2.1"] });
    closeFd(fd);
  });

  test("of an internal network are asked nowhere", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeContainer } = await serving(stack);
    const server = await makeServer(stack, (query) => [replyTo(query, "192.0.2.1")]);
    writeContainer({ servers: [server], forward: false });
    expect(shown(await ask(queryFor("example.com")))).toMatchObject({ code: RCODE.SERVER, records: [] });
    expect(server.asked()).toBe(0);
  });

  test("are asked of the next server where one refuses, fails, lies or is dead", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeContainer } = await serving(stack);
    const good = await makeServer(stack, (query) => [replyTo(query, "192.0.2.1")]);
    const failing = await makeServer(stack, (query) => [replyTo(query, "", { code: RCODE.SERVER })]);
    const silent = await makeServer(stack, () => []);
    const lying = await makeServer(stack, (query) => {
      const other = Buffer.from(replyTo(query, "203.0.113.6"));
      other.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
      return [
        other,
        replyTo(Buffer.from(queryFor("evil.com", TYPE.A, { id: query.readUInt16BE(0) })), "203.0.113.7"),
      ];
    });
    const dead = { address: "127.0.0.1", port: 1, from: "host" } as const;
    for (const bad of [failing, dead, silent, lying]) {
      writeContainer({ servers: [bad, good] });
      await Bun.sleep(10);
      expect(shown(await ask(queryFor("example.com"), 4000)).records).toEqual(["192.0.2.1"]);
      // Its failure is remembered: the second question does not wait for it.
      const before = performance.now();
      await ask(queryFor("example.com"));
      expect(performance.now() - before).toBeLessThan(1000);
    }
  }, 20_000);

  test("without any server that answers are a failure, which comes before the asker gives up", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeContainer } = await serving(stack);
    const silent = await makeServer(stack, () => []);
    writeContainer({ servers: [silent] });
    expect(shown(await ask(queryFor("example.com"), 5000))).toMatchObject({ code: RCODE.SERVER });
    expect(silent.asked()).toBe(3);
  }, 20_000);

  test("that a server cuts are cut for the asker too", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask, writeContainer } = await serving(stack);
    const server = await makeServer(stack, (query) => [replyTo(query, "", { cut: true })]);
    writeContainer({ servers: [server] });
    expect(shown(await ask(queryFor("example.com")))).toMatchObject({ cut: true, records: [] });
  });
});

describe("hostile askers", () => {
  test("are answered or passed over, and others are served all the same", async () => {
    await using stack = new AsyncDisposableStack();
    const { ask } = await serving(stack);
    const malformed = [
      new Uint8Array(0),
      new Uint8Array(5),
      new Uint8Array(12),
      // A pointer to itself; a name without an end; one that is too long; more than one question.
      Buffer.concat([queryFor("").subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      queryFor("web").subarray(0, 15),
      queryFor(Array<string>(5).fill("x".repeat(63)).join(".")),
      Buffer.from(queryFor("web")).fill(2, 5, 6),
    ];
    for (const message of malformed) {
      const reply = await ask(message, 50);
      if (reply !== undefined) expect((reply[3] ?? 0) & 15).toBe(RCODE.FORMAT);
    }
    expect(shown(await ask(queryFor("db"))).records).toEqual(["10.0.0.4"]);
  });

  test("that open more streams than there is room for lose the oldest", async () => {
    await using stack = new AsyncDisposableStack();
    const { dial } = await serving(stack);
    const fds: number[] = [];
    for (let count = 0; count < 100; count++) fds.push(stack.adopt(await dial(), closeFd));
    const last = fds.at(-1) ?? -1;
    send(last, framed(queryFor("db")));
    expect(shown(await readFramed(last)).records).toEqual(["10.0.0.4"]);
  });
});
