import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startEngine } from "./harness/engine.ts";
import { importImage, TEST_IMAGE } from "./harness/image.ts";
import { createNetwork, type Host } from "./harness/network.ts";
import { run, runOk, startProgram } from "./harness/program.ts";
import { startRegistry } from "./harness/registry.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root"], "hosts in network namespaces", () => {
  test("a host reaches this machine and another host until its cable is pulled, and again afterwards", async () => {
    await using network = await createNetwork();
    const [one, two] = [await network.addHost("one"), await network.addHost("two")];
    /** Port 9 is closed everywhere: who answers refuses, and where nobody answers two seconds pass. */
    const reaches = async (from: Host, ip: string): Promise<boolean> => {
      await runOk(["ip", "-n", from.netns ?? "", "neighbour", "flush", "all"]);
      const dial = ["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${ip}/9`];
      return (await run(dial, { place: from })).stderr.includes("refused");
    };
    expect(await reaches(one, network.ip)).toBe(true);
    expect(await reaches(one, two.ip)).toBe(true);
    await two.cut();
    expect(await reaches(one, two.ip)).toBe(false);
    await two.mend();
    expect(await reaches(one, two.ip)).toBe(true);
  }, 30_000);

  test("a host at the end of a long cable is as far away as was asked for", async () => {
    await using network = await createNetwork();
    const far = await network.addHost("far", { delayMs: 40, mbitPerS: 100 });
    const startedAt = performance.now();
    const dial = ["timeout", "5", "bash", "-c", `exec 3<>/dev/tcp/${network.ip}/9`];
    expect((await run(dial, { place: far })).stderr).toContain("refused");
    expect(performance.now() - startedAt).toBeGreaterThan(80);
  }, 30_000);
});

test("a program that ends before it writes what is waited for is reported with its output", async () => {
  using dir = tempDir();
  await using program = startProgram({
    name: "brief",
    command: ["sh", "-c", "echo sorry; exit 3"],
    logFile: join(dir.path, "log"),
    env: { PATH: "/usr/bin:/bin" },
    cwd: dir.path,
  });
  await expect(program.waitForOutput(/ready/)).rejects.toThrow(
    /brief ended \(3\) before writing \/ready\/; it wrote:\nsorry/,
  );
});

describeWith(["root", "docker", "registry"], "an engine of a host's own", () => {
  test("runs containers, and pulls from a registry", async () => {
    using dir = tempDir();
    await using network = await createNetwork();
    await using registry = await startRegistry({ ip: network.ip, dir: join(dir.path, "registry") });
    const engineOn = async (name: string) =>
      startEngine({
        host: await network.addHost(name),
        dir: join(dir.path, name),
        insecureRegistry: registry.address,
      });
    await using here = await engineOn("here");
    await using there = await engineOn("there");
    await importImage(here);
    expect(await here.docker("run", "--rm", TEST_IMAGE, "echo", "from a container")).toBe(
      "from a container\n",
    );
    const pulled = `${registry.address}/e2e/busybox:1`;
    await here.docker("tag", TEST_IMAGE, pulled);
    await here.docker("push", "-q", pulled);
    expect(await there.docker("run", "--rm", pulled, "echo", "pulled")).toBe("pulled\n");
  }, 90_000);
});
