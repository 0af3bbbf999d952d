import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startEngine } from "./harness/engine.ts";
import { importImage } from "./harness/image.ts";
import { createNetwork } from "./harness/network.ts";
import { run } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";

const root = resolve(import.meta.dir, "../..");

describeWith(["programs", "root", "docker"], "./scripts/demo", () => {
  test("shows a task as a process, its port and shell, and one in a container, and ends with 0", async () => {
    using dir = tempDir();
    await using network = await createNetwork();
    const host = await network.addHost("demo");
    await using engine = await startEngine({ host, dir: join(dir.path, "engine") });
    await importImage(engine, "busybox");
    const { code, stdout } = await run(["scripts/demo"], {
      cwd: root,
      env: { ...cleanEnvironment(dir.path), DOCKER_HOST: engine.address },
      timeoutMs: 150_000,
    });
    expect(stdout).toMatch(/This is hello on [\s\S]*step 3 of 3\r?\nAll done/);
    expect(stdout.match(/^A page of site on /gm)).toHaveLength(2);
    expect(stdout).toMatch(/This is in-an-image in a container[\s\S]*step 3 of 3/);
    expect(stdout.match(/Exited \(0\)/g)).toHaveLength(2);
    expect(code).toBe(0);
  }, 200_000);
});
