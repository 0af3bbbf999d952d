import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { $ } from "bun";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { installedFiles } from "./platformPackages.ts";
import { makeRelease } from "./release.ts";
import { findTarget, targetNameFor, thisMachine } from "./targets.ts";

const target = findTarget(targetNameFor(thisMachine()));

test.skipIf(!target?.hasAgent)(
  "makeRelease() makes both programs with sums, keeps what is up to date and never mixes two states",
  async () => {
    if (!target) return;
    using dir = tempDir();
    const root = join(dir.path, "tree");
    const dist = join(dir.path, "dist");
    for (const part of ["cli", "agent"]) {
      mkdirSync(join(root, part), { recursive: true });
      await Bun.write(join(root, part, "main.ts"), `await Promise.resolve();\nconsole.log("${part} 1");\n`);
    }
    const said: string[] = [];
    const release = (programs?: ("dstack" | "dstack-agent")[]) => {
      const filesOf = () => installedFiles(join(import.meta.dir, "../.."), target);
      return makeRelease({
        root,
        dist,
        targets: [target],
        filesOf,
        say: (line) => said.push(line),
        programs,
      });
    };

    await release();
    const names = ["dstack", "dstack-agent"].map((program) => `${program}-${target.name}`);
    expect(readdirSync(dist).sort()).toEqual(
      ["SHA256SUMS", "SOURCES", "VERSION", `${names[1]}.zst`, ...names.flatMap((n) => [n, `${n}.gz`])].sort(),
    );
    expect(await $`sha256sum -c --quiet SHA256SUMS`.cwd(dist).text()).toBe("");
    expect(await $`gzip -dc ${names[1]}.gz | cmp - ${names[1]}`.cwd(dist).text()).toBe("");
    const zst = await Bun.file(join(dist, `${names[1]}.zst`)).bytes();
    const program = await Bun.file(join(dist, `${names[1]}`)).bytes();
    expect(Buffer.compare(Bun.zstdDecompressSync(zst), program)).toBe(0);
    expect(await $`./${names[0]} && ./${names[1]}`.cwd(dist).text()).toBe("cli 1\nagent 1\n");

    said.length = 0;
    await release();
    expect(said).toEqual(names.map((name) => `${name}: up to date`));

    await Bun.write(join(dist, "dstack-agent-linux-other.gz"), "of the former sources");
    await Bun.write(join(root, "cli", "main.ts"), `console.log("cli 2");\n`);
    await release(["dstack"]);
    expect(await $`./${names[0]}`.cwd(dist).text()).toBe("cli 2\n");
    // The agent of the former sources, too: it is made of others than this one.
    expect(readdirSync(dist).filter((name) => name.startsWith("dstack-agent"))).toEqual([]);
  },
  // Half a minute where nothing else runs; it compiles, and packs some hundred megabytes.
  600_000,
);
