import { expect, test } from "bun:test";
import { join } from "node:path";

test("the account's home is the system's word, not that of HOME", async () => {
  const script = `console.log((await import(${JSON.stringify(join(import.meta.dir, "accountHome.ts"))})).accountHome())`;
  const told = Bun.spawnSync([process.execPath, "-e", script], { env: { HOME: "/elsewhere" } });
  const [, , , , , home] = Bun.spawnSync(["getent", "passwd", String(process.getuid?.())])
    .stdout.toString()
    .trim()
    .split(":");
  expect(told.stdout.toString().trim()).toBe(home ?? "undefined");
});
