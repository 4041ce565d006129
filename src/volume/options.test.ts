import { describe, expect, test } from "bun:test";
import { MS } from "../kernel/mod.ts";
import { mountOf, withAddress } from "./_options.ts";

describe("options of the local driver", () => {
  const of = (o: string, type = "nfs") => mountOf({ type, device: ":/export", o }, "/v");

  test("are flags of mount(2) where it knows them, and the file system's own where not", () => {
    expect(of("addr=10.0.0.1,rw,nolock,soft,nfsvers=4,noatime,nosuid")).toEqual({
      source: ":/export",
      target: "/v",
      type: "nfs",
      flags: MS.NOATIME | MS.NOSUID,
      data: "addr=10.0.0.1,nolock,soft,nfsvers=4",
    });
    expect(of("ro,noexec,exec,rbind", "none")).toMatchObject({
      flags: MS.RDONLY | MS.BIND | MS.REC,
      data: "",
    });
  });

  test("are none for a plain directory", () => {
    expect(mountOf(null, "/v")).toBeUndefined();
    expect(mountOf({}, "/v")).toBeUndefined();
  });

  test("name a server by its address, which the kernel wants", async () => {
    const mount = of("rw,addr=localhost,soft");
    expect((await withAddress(mount ?? fail())).data).toMatch(/^addr=(127\.0\.0\.1|::1),soft$/);
    const plain = of("addr=10.0.0.1") ?? fail();
    expect(await withAddress(plain)).toEqual(plain);
  });
});

function fail(): never {
  throw new Error("it is no mount");
}
