/** Whose a link is, by its name, and whose an address, of either family or of Ethernet. */

import type { WhoisFinding } from "../../spec/whois.ts";
import { containerOf, type Known } from "./known.ts";

export function linkFindings(known: Known, name: string): WhoisFinding[] {
  const See = `ip -d link show ${name}`;
  const { endpoints, networks } = known.wiring;
  const ends = endpoints
    .filter(({ link }) => link === name)
    .map((end): WhoisFinding => {
      const Sentence = `is the host's end of ${end.interface} on the network ${end.network}`;
      return { Kind: "link", Subject: name, Sentence, See, ...containerOf(known, end.container) };
    });
  const bridges = networks
    .filter(({ link }) => link === name && link !== "")
    .map(({ network }): WhoisFinding => {
      const on = endpoints.filter((end) => end.network === network).length;
      const Sentence = `is the link of the network ${network}, with ${on} container${on === 1 ? "" : "s"} on it`;
      return { Kind: "link", Subject: name, Sentence, See };
    });
  return [...ends, ...bridges];
}

export function addressFindings(known: Known, address: string): WhoisFinding[] {
  const wanted = address.toLowerCase();
  const { endpoints, networks } = known.wiring;
  const ends = endpoints
    .filter(({ addresses, mac }) => addresses.includes(wanted) || mac.toLowerCase() === wanted)
    .map((end): WhoisFinding => {
      const Sentence = `is that of ${end.interface} on the network ${end.network}`;
      const See = `nsenter --net=${end.key} ip addr show ${end.interface}`;
      return { Kind: "address", Subject: address, Sentence, See, ...containerOf(known, end.container) };
    });
  const gateways = networks
    .filter(({ gateways: own }) => own.includes(wanted))
    .map(
      ({ network, link }): WhoisFinding => ({
        Kind: "address",
        Subject: address,
        Sentence: `is the gateway of the network ${network}`,
        See: `ip addr show ${link}`,
      }),
    );
  return [...ends, ...gateways];
}
