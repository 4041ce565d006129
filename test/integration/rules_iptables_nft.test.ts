/** Rules kept by iptables whose programs write to nftables: the same behaviour as with the other backends. */

import { describeRules } from "./_rules_kept.ts";

describeRules("nft");
