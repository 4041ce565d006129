/** Rules kept by nftables: the same behaviour as with the other backends. */

import { describeRules } from "./_rules_kept.ts";

describeRules(undefined);
