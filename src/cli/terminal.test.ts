import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";

const PATH = fileURLToPath(new URL("terminal.ts", import.meta.url));
const SCRIPT = `
import { openTerminal } from ${JSON.stringify(PATH)};
const terminal = openTerminal();
terminal.enterRawMode();
process.stdout.write("raw\\n" + JSON.stringify(terminal.size()) + "\\n");
terminal.leave();
process.stdout.write("cooked\\n");
`;

/** Runs the script on a terminal and gives all that the terminal was sent. */
async function onTerminal(): Promise<string> {
  let seen = "";
  const child = Bun.spawn([process.execPath, "--no-env-file", "--config=/dev/null", "-e", SCRIPT], {
    terminal: {
      cols: 99,
      rows: 33,
      data: (_terminal, bytes) => {
        seen += new TextDecoder().decode(bytes);
      },
    },
  });
  await child.exited;
  await Bun.sleep(50);
  return seen;
}

// This rests on a binding of Bun's that is not documented: terminal.ts says why.
test("in raw mode the terminal leaves output alone, afterwards it does as before, and its size is known", async () => {
  expect(await onTerminal()).toBe('raw\n{"width":99,"height":33}\ncooked\r\n');
});
