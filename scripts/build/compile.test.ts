import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { compile } from "./compile.ts";
import { replaceOnce } from "./nativePlugin.ts";
import { installedFiles } from "./platformPackages.ts";
import { findTarget, targetNameFor, thisMachine } from "./targets.ts";

const target = findTarget(targetNameFor(thisMachine()));

test.skipIf(!target)(
  "a compiled program uses its native modules in an empty folder, without node_modules",
  async () => {
    if (!target) return;
    using build = tempDir();
    using empty = tempDir();
    const outfile = join(build.path, "probe");
    const files = installedFiles(join(import.meta.dir, "../.."), target);
    await compile({ entry: join(import.meta.dir, "testing/nativeProbe.ts"), outfile, target, files });
    const probe = Bun.spawn([outfile], {
      cwd: empty.path,
      env: { PATH: "/usr/bin:/bin" },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(probe.stdout).text(),
      new Response(probe.stderr).text(),
      probe.exited,
    ]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({ row: "kept", pty: target.pty !== null, ssh: true });
    expect(probe.exitCode).toBe(0);
  },
  60_000,
);

test("compile() names the entry that does not build and leaves nothing behind", async () => {
  if (!target) return;
  using dir = tempDir();
  const entry = join(dir.path, "broken.ts");
  await Bun.write(entry, `import { x } from "./absent.ts";\nconsole.log(x);\n`);
  const files = installedFiles(join(import.meta.dir, "../.."), target);
  const outfile = join(dir.path, "out", "broken");
  await expect(compile({ entry, outfile, target, files })).rejects.toThrow(/broken\.ts.*absent/s);
  expect(await Array.fromAsync(new Bun.Glob("out/*").scan({ cwd: dir.path }))).toEqual([]);
});

test("replaceOnce() refuses a dependency in which the pattern fits nowhere, or twice", () => {
  expect(replaceOnce("a b", /b/, "c", "x.js")).toBe("a c");
  expect(() => replaceOnce("a a", /b/, "c", "x.js")).toThrow('matches 0 times in "x.js"');
  expect(() => replaceOnce("b b", /b/, "c", "x.js")).toThrow('matches 2 times in "x.js"');
});
