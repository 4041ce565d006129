import { describe, expect, test } from "bun:test";
import { SyscallError } from "../../kernel/mod.ts";
import type { FirewallBackend } from "./backend.ts";
import { withFallback } from "./fallback.ts";

function fake(name: "nftables" | "iptables", failure?: Error) {
  const done: string[] = [];
  const note = async (what: string): Promise<void> => {
    done.push(what);
    if (failure) throw failure;
  };
  const backend: FirewallBackend = {
    name,
    needs: "",
    put: () => note("put"),
    publish: () => note("publish"),
    retract: () => note("retract"),
    warnings: () => [],
    settled: async () => undefined,
    close: () => void done.push("close"),
  };
  return { backend, done };
}

function opened(failure?: Error, probe: () => unknown = () => undefined) {
  const first = fake("nftables", failure);
  const second = fake("iptables");
  const said: string[] = [];
  const options = { open: () => second.backend, probe, warn: (one: string) => void said.push(one) };
  return { first, second, said, firewall: withFallback(first.backend, options) };
}

const lack = new SyscallError("put rules in place", 95);

describe("another backend takes the place of nftables", () => {
  test("when the kernel lacks it, once and with one sentence", async () => {
    const { first, second, said, firewall } = opened(lack);
    await firewall.put([]);
    await firewall.put([]);
    expect(first.done).toEqual(["put", "close"]);
    expect(second.done).toEqual(["put", "put"]);
    expect(firewall.name).toBe("iptables");
    expect(said).toEqual([
      "nftables cannot be had on this host (put rules in place: EOPNOTSUPP): rules are kept by iptables",
    ]);
  });

  test("when somebody asks its name before anything was put", () => {
    const { firewall, said } = opened(undefined, () => {
      throw new SyscallError("list rules", 93);
    });
    expect(firewall.name).toBe("iptables");
    expect(said).toHaveLength(1);
  });

  test("but not for another failure", async () => {
    const { second, firewall } = opened(new SyscallError("put rules in place", 1));
    expect(firewall.put([])).rejects.toThrow("EPERM");
    expect(second.done).toEqual([]);
    expect(firewall.name).toBe("nftables");
  });
});
