/** What a rule, or a part of one, says of a packet. */

export type Verdict =
  | { kind: "accept" | "drop" | "reject" | "return" }
  | { kind: "jump" | "goto"; chain: string };

/** `next`: the rule goes on. `no`: it does not match. */
export type Outcome = "next" | "no" | "unknown" | Verdict;
