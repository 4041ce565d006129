/** The one executable: looks at the first argument and loads the role it names, so that each role loads little. */

export {};

const [role, ...rest] = process.argv.slice(2);

switch (role) {
  case "shim":
    process.exitCode = await (await import("./shim/main.ts")).main(rest);
    break;
  case "daemon":
    process.exitCode = await (await import("./daemon/mod.ts")).main(rest);
    break;
  case "runtime":
    process.exitCode = await (await import("./runtime/command/main.ts")).main(rest);
    break;
  default:
    process.exitCode = await (await import("./cli/mod.ts")).main(process.argv.slice(2));
}
