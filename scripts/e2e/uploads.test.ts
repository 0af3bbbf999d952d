import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startAgent } from "./harness/agent.ts";
import { makeBigFolder, playUpload, unfinishedUpload } from "./harness/bigUpload.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { createNetwork } from "./harness/network.ts";
import { runOk } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { openSystem, SMALL } from "./harness/system.ts";

const MIB = 1024 ** 2;

/** A disk of its own; `resize` makes it larger or smaller. */
const mountDisk = async (path: string, mib: number) => {
  mkdirSync(path, { recursive: true });
  await runOk(["mount", "-t", "tmpfs", "-o", `size=${mib}m`, "dstack-test", path]);
  return {
    resize: (to: number) => runOk(["mount", "-o", `remount,size=${to}m`, path]),
    [Symbol.asyncDispose]: async () => void (await runOk(["umount", "--lazy", path])),
  };
};

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describeWith(["programs", "root"], "uploads", () => {
  test("what is killed half-way goes on, and nobody holds it in memory", async () => {
    await using system = await openSystem({ runtime: "process" });
    const { coordinator, agent, dir } = system;
    const bytes = 256 * MIB;
    const { sha256 } = makeBigFolder(join(dir, "data"), bytes);
    const stage = { coordinator, agent, dir, name: "upload", cwd: dir, bytes };
    const played = await playUpload(stage);
    expect(played.output).toContain(sha256);
    expect(played.heldAtKill).toBeGreaterThanOrEqual(bytes / 2);
    // Nothing of what was there was sent again.
    expect(played.heldAtLeast).toBe(played.heldAtKill);
    for (const { name, samples } of played.trails) {
      const most = Math.max(...samples.map(({ mib }) => mib));
      expect({ name, most: most < 128 ? "little" : `${most} MiB` }).toEqual({ name, most: "little" });
    }

    // Sent once more, nothing goes over the line.
    const blobs = () => filesUnder(join(coordinator.home, ".dstack/server/data/blobs"));
    const before = blobs();
    const began = performance.now();
    await coordinator.client.dstackOk(["apply", "-y", "-d", "--force", "-f", join(dir, "upload.dstack.yml")]);
    // It is read and hashed, and others may be busy.
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(blobs()).toEqual(before);
    expect(unfinishedUpload(coordinator)).toBeUndefined();
  }, 180_000);

  test("a line that is cut goes on when it is mended, though the server does not know it any more", async () => {
    await using undo = new AsyncDisposableStack();
    const dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    const laptop = await network.addHost("laptop");
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
    makeBigFolder(join(dir, "data"), 256 * MIB);
    const file = join(dir, "cut.dstack.yml");
    const task = { type: "task", name: "cut", commands: ["ls"], files: ["data:data"], resources: SMALL };
    writeFileSync(file, JSON.stringify(task));
    const apply = coordinator.client.startDstack(["apply", "-y", "-d", "-f", file], {
      logFile: join(dir, "apply.log"),
      place: laptop,
    });
    const held = () => unfinishedUpload(coordinator)?.held ?? 0;
    await waitFor("some of it", () => held() > 0, 30_000);
    // It would be over before the line is cut.
    apply.freeze();
    await laptop.cut();
    apply.thaw();
    await coordinator.program.kill9();
    await coordinator.restart();
    await laptop.mend();
    await apply.exited;
    expect(apply.output()).toContain("Lost the connection to the server, reconnecting");
    expect(filesUnder(join(coordinator.home, ".dstack/server/data/blobs"))).toHaveLength(1);
  }, 90_000);

  test("a full disk of the server is named, and nothing half-written stays on it", async () => {
    await using undo = new AsyncDisposableStack();
    const dir = undo.use(tempDir()).path;
    const home = join(dir, "coordinator", "home");
    const disk = undo.use(await mountDisk(home, 200));
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator") }));
    const { client } = coordinator;
    makeBigFolder(join(dir, "data"), 120 * MIB);
    const file = join(dir, "full.dstack.yml");
    const task = { type: "task", name: "full", commands: ["ls"], files: ["data:data"], resources: SMALL };
    writeFileSync(file, JSON.stringify(task));
    const args = ["apply", "-y", "-d", "-f", file];
    const first = client.startDstack(args, { logFile: join(dir, "first.log") });
    await waitFor("a part of it", () => (unfinishedUpload(coordinator)?.held ?? 0) > 0, 30_000);
    await first.kill9();
    // Others fill it meanwhile.
    const { blocks, bavail, bsize } = statfsSync(home);
    await disk.resize(Math.ceil(((blocks - bavail) * bsize) / MIB) + 4);
    const cut = await client.dstack(args);
    expect(cut).toMatchObject({ code: 1 });
    expect(cut.stdout.replaceAll(/\s+/g, " ")).toContain("The disk of the server is full");
    expect(unfinishedUpload(coordinator)).toBeUndefined();
    const early = await client.dstack(args);
    expect(early.stdout.replaceAll(/\s+/g, " ")).toMatch(
      /The disk of the server is full: it has room for \S+, and 120.\dMiB are to come/,
    );
    await disk.resize(400);
    await client.dstackOk(["fleet", "token", "create", "later"]);
    const sent = await client.dstack(args);
    expect(sent.stdout).not.toContain("is full");
    expect(filesUnder(join(home, ".dstack/server/data/blobs"))).toHaveLength(1);
  }, 60_000);

  test("a host whose disk is too full waits for room, and leaves nothing half-written", async () => {
    await using undo = new AsyncDisposableStack();
    const dir = undo.use(tempDir()).path;
    const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator") }));
    const disk = undo.use(await mountDisk(join(dir, "host", "state"), 100));
    const agent = undo.use(await startAgent({ coordinator, dir: join(dir, "host"), runtime: "process" }));
    const { sha256 } = makeBigFolder(join(dir, "data"), 70 * MIB);
    const file = join(dir, "waits.dstack.yml");
    const commands = ["cat data/* | sha256sum"];
    const resources = { cpu: "1..", memory: "64MB..", disk: "1MB.." };
    const task = { type: "task", name: "waits", commands, files: ["data:data"], resources };
    writeFileSync(file, JSON.stringify(task));
    await coordinator.client.dstackOk(["apply", "-y", "-d", "-f", file]);
    await agent.program.waitForOutput(/The disk is full; the job is started when there is room/);
    const unpacked = filesUnder(join(agent.stateDir, "jobs")).filter((path) => path.includes("/archives/"));
    expect(unpacked).toEqual([]);
    await disk.resize(400);
    await coordinator.client.waitForRun("waits", ({ status }) => status === "done", 60_000);
    expect(await coordinator.client.dstackOk(["logs", "waits"])).toContain(sha256);
  }, 120_000);
});
