import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { ImageUse } from "./imageUse.ts";

test("the least recently used of the agent's own come first, also after a restart", () => {
  using dir = tempDir();
  let now = 0;
  const open = () =>
    new ImageUse({ path: join(dir.path, "images.json"), now: () => (now += 1), log: silentLogger });
  const use = open();
  use.used("a", { isPulled: true });
  use.used("b", { isPulled: true });
  use.used("theirs", { isPulled: false });
  use.used("a", { isPulled: false });
  use.used("c", { isPulled: true });
  use.removed("c");
  const again = open();
  expect(again.listPulled()).toEqual(["b", "a"]);
  expect(again.lastUse("theirs")).toBe(3);
  expect(again.lastUse("never")).toBe(0);
});

test("what several jobs are about to use is held until the last of them has it", () => {
  const use = new ImageUse({ path: undefined, now: () => 0, log: silentLogger });
  const [first, second] = [use.hold("a"), use.hold("a")];
  first();
  expect(use.isHeld("a")).toBe(true);
  second();
  expect(use.isHeld("a")).toBe(false);
});

test("a damaged record costs nothing but the knowledge", () => {
  using dir = tempDir();
  const path = join(dir.path, "images.json");
  writeFileSync(path, "{");
  const use = new ImageUse({ path, now: () => 1, log: silentLogger });
  use.used("a", { isPulled: true });
  expect(use.listPulled()).toEqual(["a"]);
});
