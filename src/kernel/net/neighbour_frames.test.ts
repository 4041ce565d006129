import { expect, test } from "bun:test";
import { announcementFrame } from "./neighbour_frames.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const MAC = "02:42:ac:11:00:02";

test("an address of IPv4 is announced by a request for itself, to everybody", () => {
  const frame = hex(announcementFrame({ address: "172.17.0.2", mac: MAC }));
  const sender = "0242ac110002ac110002";
  expect(frame).toBe(`ffffffffffff0242ac1100020806${"0001080006040001"}${sender}000000000000ac110002`);
});

test("an address of IPv6 is announced by an advertisement that overrides, with a right checksum", () => {
  const frame = announcementFrame({ address: "fd00::2", mac: MAC });
  expect(hex(frame.subarray(0, 14))).toBe("3333000000010242ac11000286dd");
  expect(hex(frame.subarray(14, 22))).toBe("6000000000203aff");
  const message = frame.subarray(54);
  expect([message[0], message[1], message[4]]).toEqual([136, 0, 0x20]);
  expect(hex(message.subarray(8))).toBe(`fd${"00".repeat(14)}0202010242ac110002`);
  // RFC 1071: the sum over all, the checksum with it, is without a bit that is not set.
  const summed = Buffer.concat([frame.subarray(22, 54), Buffer.from([0, 0, 0, 32, 0, 0, 0, 58]), message]);
  let sum = 0;
  for (let at = 0; at < summed.length; at += 2) sum += summed.readUInt16BE(at);
  expect((sum & 0xffff) + (sum >> 16)).toBe(0xffff);
});
