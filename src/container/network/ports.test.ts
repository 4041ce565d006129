import { describe, expect, test } from "bun:test";
import type { HostConfig } from "../../spec/docker.ts";
import { checkPorts, portWarnings, portWishes, shownPorts } from "./ports.ts";

const binding = (HostPort: string, HostIp = "") => [{ HostIp, HostPort }];

describe("a request is refused", () => {
  const refused: [string, Partial<HostConfig>, Record<string, Record<string, never>>, string][] = [
    ["a port of the container that is none", { PortBindings: { "x/tcp": null } }, {}, 'specification: "x"'],
    ["port 0 of it", { PortBindings: { "0/tcp": null } }, {}, 'specification: "0"'],
    ["an unknown protocol", { PortBindings: { "80/icmp": null } }, {}, 'specification: "80"'],
    ["a port of the host that is too high", { PortBindings: { "80": binding("70000") } }, {}, '"70000"'],
    ["a range that falls", { PortBindings: { "80": binding("90-80") } }, {}, '"90-80"'],
    [
      "an address that is none",
      { PortBindings: { "80": binding("1", "here") } },
      {},
      "invalid IP address: here",
    ],
    ["an exposed port that is none", {}, { "99999/tcp": {} }, '"99999"'],
    [
      "publishing in another's network",
      { NetworkMode: "container:x", PublishAllPorts: true },
      {},
      "conflicting options: port publishing and the container type network mode",
    ],
    [
      "exposing in another's network",
      { NetworkMode: "container:x" },
      { "80/tcp": {} },
      "conflicting options: port exposing and the container type network mode",
    ],
  ];
  test.each(refused)("for %s", (_, host, ExposedPorts, sentence) => {
    expect(() => checkPorts({ ExposedPorts }, host)).toThrow(sentence);
  });
});

test("on the host's network nothing is published, and that is told", () => {
  const PortBindings = { "80/tcp": binding("80") };
  expect(portWarnings({ NetworkMode: "host", PortBindings })).toEqual([
    "Published ports are discarded when using host network mode",
  ]);
  expect(portWarnings({ NetworkMode: "bridge", PortBindings })).toEqual([]);
});

describe("wishes", () => {
  const wishes = (host: HostConfig, exposed: string[] = []) =>
    portWishes({ ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])) }, host).map(
      ({ protocol, address, container, host: named }) =>
        `${address}:${named ? `${named.first}-${named.last}` : ""}:${container.first}-${container.last}/${protocol}`,
    );

  test("of ports in a row are one", () => {
    const row = Array.from({ length: 1000 }, (_, at) => [`${80 + at}/tcp`, binding(String(8000 + at))]);
    expect(wishes({ PortBindings: Object.fromEntries(row) })).toEqual([":8000-8999:80-1079/tcp"]);
    expect(wishes({ PortBindings: { "80": binding("80"), "81": binding("82") } })).toEqual([
      ":80-80:80-80/tcp",
      ":82-82:81-81/tcp",
    ]);
  });

  test("of one address or protocol are not those of another", () => {
    const PortBindings = { "80/tcp": binding("80"), "81/tcp": binding("81", "::1"), "82/udp": binding("82") };
    expect(wishes({ PortBindings })).toEqual([":80-80:80-80/tcp", "::1:81-81:81-81/tcp", ":82-82:82-82/udp"]);
  });

  test("for whatever is free come last: it must not be a port that is named", () => {
    const PortBindings = {
      "80/tcp": binding("0"),
      "90/tcp": binding("32768"),
      "70/tcp": binding("8000-8010"),
    };
    expect(wishes({ PortBindings })).toEqual([
      ":8000-8010:70-70/tcp",
      ":32768-32768:90-90/tcp",
      "::80-80/tcp",
    ]);
  });

  test("for all that is exposed leave out what is bound", () => {
    const PortBindings = { "80/tcp": binding("8080"), "82/tcp": null };
    expect(wishes({ PortBindings, PublishAllPorts: true }, ["80/tcp", "81/udp", "82/tcp"]).sort()).toEqual([
      ":8080-8080:80-80/tcp",
      "::81-81/udp",
      "::82-82/tcp",
    ]);
    expect(wishes({ PortBindings }, ["80/tcp", "81/udp"])).toEqual([":8080-8080:80-80/tcp"]);
  });
});

test("each port is shown with all that leads to it, an exposed one with nothing", () => {
  const ports = [
    { Protocol: "tcp", HostIp: "0.0.0.0", HostPort: 8000, ContainerPort: 80, Count: 2 },
    { Protocol: "tcp", HostIp: "::", HostPort: 8000, ContainerPort: 80, Count: 2 },
  ];
  const endpoints = { bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "" } as never };
  const connection = { sandboxId: "", sandboxKey: "", endpoints, ports };
  const twice = (HostPort: string) => [
    { HostIp: "0.0.0.0", HostPort },
    { HostIp: "::", HostPort },
  ];
  expect(shownPorts({ ExposedPorts: { "9/udp": {} } }, connection)).toEqual({
    "80/tcp": twice("8000"),
    "81/tcp": twice("8001"),
    "9/udp": null,
  });
  expect(shownPorts({ ExposedPorts: { "9/udp": {} } }, { ...connection, endpoints: {} })).toEqual({});
});
