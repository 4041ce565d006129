import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { COMMANDS, GROUPS, NOT_YET, NOT_YET_IN_GROUPS } from "./registry.ts";

const REFERENCE = fileURLToPath(new URL("../../../shared/reference/docker-cli.json", import.meta.url));

interface DockerCommand {
  aliases: string[];
  flags: { short: string | null; long: string }[];
}

const reference = Bun.file(REFERENCE);
const docker: Record<string, DockerCommand> = (await reference.exists()) ? await reference.json() : {};
const names = Object.keys(docker).filter((name) => name !== "(global)" && !(name in GROUPS));

describe.skipIf(names.length === 0)(`every command of docker's (${REFERENCE})`, () => {
  test("is here, or is said to be missing", () => {
    const unknown = names.filter(
      (name) => !(name in COMMANDS) && !NOT_YET.has(name.split(" ")[0] ?? "") && !NOT_YET_IN_GROUPS.has(name),
    );
    expect(unknown).toEqual([]);
  });

  test.each(names.filter((name) => name in COMMANDS))("%s is there under its other names", async (name) => {
    const aliases = (docker[name]?.aliases ?? []).map((alias) => alias.replace(/^docker /, ""));
    expect(aliases.filter((alias) => COMMANDS[alias] !== COMMANDS[name])).toEqual([]);
    const { command } = (await COMMANDS[name]?.load()) ?? {};
    if (aliases.length > 0) expect(command?.aliases).toEqual(aliases);
  });

  test("is named as missing only where it is", () => {
    expect([...NOT_YET, ...NOT_YET_IN_GROUPS].filter((name) => name in COMMANDS)).toEqual([]);
  });

  test.each(names.filter((name) => name in COMMANDS))(
    "%s knows every flag, by its letter too",
    async (name) => {
      const { command } = (await COMMANDS[name]?.load()) ?? {};
      const missing = (docker[name]?.flags ?? [])
        .filter(({ long }) => long !== "--help")
        .filter(({ long, short }) => {
          const flag = command?.flags[long.slice(2)];
          return !flag || (short !== null && flag.short !== short.slice(1));
        });
      expect(missing).toEqual([]);
    },
  );
});

test("no flag's letter is used twice in a command", async () => {
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const letters = Object.values((await load()).command.flags).flatMap(({ short }) => short ?? []);
    expect([name, letters.length]).toEqual([name, new Set(letters).size]);
  }
});
