/** `fathom whois`, which Docker does not have: whose a process, port, link, address, rule or path of this host is. */

import type { WhoisAnswer, WhoisFinding } from "../../spec/whois.ts";
import { defineCommand } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { print } from "../output.ts";

const WORDS = ["pid", "port", "link", "ip", "mac", "rule", "handle", "path"];

export const command = defineCommand({
  usage: "whois [OPTIONS] PID|PORT|LINK|IP|MAC|PATH|rule HANDLE",
  operands: { min: 1, max: 2 },
  flags: { format: { type: "string", help: "'json', or text" } },
  async run({ client }, { flags: { format }, operands }) {
    if (format && format !== "json")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is json or none`);
    const [first = "", second] = operands;
    if (second !== undefined && !WORDS.includes(first))
      throw new UsageError(`${JSON.stringify(first)} is none of ${WORDS.join(", ")}`);
    const query = { what: operands.join(" ") };
    const answer = await client.json<WhoisAnswer>("GET", "/system/whois", { query });
    if (format === "json") print(`${JSON.stringify(answer, null, 2)}\n`);
    if (answer.Findings.length === 0)
      throw new CommandError(format === "json" ? "" : `${answer.Asked} is nobody's of ours`);
    if (format !== "json") print(answer.Findings.map(tell).join(""));
    return 0;
  },
});

const KINDS = { process: "process", port: "port", link: "link", address: "address", rule: "rule", path: "" };
const SHORT = 12;

function tell({ Kind, Subject, Sentence, See, Container }: WhoisFinding): string {
  const lines = [`${[KINDS[Kind], Subject, Sentence].filter(Boolean).join(" ")}`];
  if (Container !== undefined) {
    const { Id, Name, Image, Command, State } = Container;
    lines.push(`    container ${Name} (${Id.slice(0, SHORT)}, ${State}), image ${Image}, command ${Command}`);
  }
  return [...lines, `    $ ${See}`].map((line) => `${printable(line)}\n`).join("");
}

/** What a container was named or runs never moves the cursor. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}
