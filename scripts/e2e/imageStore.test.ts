/** How images and dead containers come to a host, stay, and go. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeJob } from "../../agent/runtime/runtime.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { dockerJob, hooksOf, runtimeOn } from "./harness/dockerJob.ts";
import { type Engine, startEngine } from "./harness/engine.ts";
import { fillWithProgram, importImage, makeImage, TEST_IMAGE } from "./harness/image.ts";
import { createNetwork, type Network } from "./harness/network.ts";
import { run, runOk } from "./harness/program.ts";
import { pushImage } from "./harness/pushedImage.ts";
import { type Registry, startRegistry } from "./harness/registry.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root", "docker", "registry"], "images and containers of a host", () => {
  const undo = new AsyncDisposableStack();
  const account = { username: "team", password: "secret" };
  let network: Network;
  let engine: Engine;
  let registry: Registry;
  let dir: string;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    network = undo.use(await createNetwork());
    registry = undo.use(await startRegistry({ ip: network.ip, dir: join(dir, "registry"), account }));
    const host = await network.addHost("store");
    engine = undo.use(
      await startEngine({ host, dir: join(dir, "engine"), insecureRegistry: registry.address }),
    );
    await importImage(engine);
    await engine.docker("login", "-u", account.username, "-p", account.password, registry.address);
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);

  /** An image that only the registry has. `fat`: of so many MB that cannot be compressed. */
  const publish = async (
    name: string,
    { fat = 0, isTiny = false }: { fat?: number; isTiny?: boolean } = {},
  ): Promise<string> => {
    const image = `${registry.address}/e2e/${name}`;
    const fill = (root: string) => {
      if (isTiny) writeFileSync(join(root, "hello"), "no program at all");
      else fillWithProgram("true")(root);
      if (fat > 0) writeFileSync(join(root, "weights"), randomBytes(fat * 1024 ** 2));
    };
    await makeImage(engine, { name: image, fill });
    await engine.docker("push", "-q", image);
    await engine.docker("rmi", image);
    return image;
  };
  const repositoryOf = (image: string) => /e2e\/(\w+)/.exec(image)?.[1] ?? "";
  const layersOf = async (image: string): Promise<string[]> => {
    const url = `http://${registry.address}/v2/e2e/${repositoryOf(image)}/manifests/1`;
    const answer = await fetch(url, {
      headers: {
        accept: "application/vnd.docker.distribution.manifest.v2+json",
        authorization: `Basic ${btoa(`${account.username}:${account.password}`)}`,
      },
    });
    const { layers } = (await answer.json()) as { layers: { digest: string }[] };
    return layers.map(({ digest }) => digest);
  };
  const aJob = (assignment: Partial<RuntimeJob["assignment"]>) =>
    dockerJob(dir, { argv: ["/app/true"], registry_auth: account, ...assignment });
  const runToEnd = async (runtime: ReturnType<typeof runtimeOn>, job: RuntimeJob) => {
    const running = await runtime.start(job, hooksOf());
    const end = await running.ended;
    await runtime.remove(job.assignment.submission_id, job.dir);
    return end.exitStatus;
  };

  test("a private registry takes the job's credentials; without, and with wrong ones, that is said", async () => {
    const image = await publish("private:1");
    const runtime = runtimeOn(engine);
    const hooks = hooksOf();
    const refused = (registry_auth: RuntimeJob["assignment"]["registry_auth"]) =>
      runtime.start(aJob({ image, registry_auth: registry_auth ?? null }), hooks).then(
        () => undefined,
        (err: unknown) => err,
      );
    expect(await refused(null)).toMatchObject({
      message: expect.stringContaining(`Cannot pull the image "${image}"`),
      hint: "Check the image's name; if it is private, give its credentials in registry_auth",
    });
    expect(await refused({ username: "team", password: "wrong" })).toMatchObject({
      hint: "Check the image's name and the credentials in registry_auth",
    });
    const job = aJob({ image });
    const running = await runtime.start(job, hooks);
    expect((await running.ended).exitStatus).toBe(0);
    expect(hooks.pulls.at(-1)).toMatchObject({ layers_total: 1, layers_done: 1, is_total_bytes_final: true });
    await runtime.remove(job.assignment.submission_id, job.dir);
  }, 30_000);

  test("what cannot be run here is said before a layer is asked for", async () => {
    const shell = ["/bin/sh", "-i", "-c", "echo never"];
    const foreign = await pushImage(registry, { name: "e2e/foreign:1", architecture: "s390x", account });
    const [mute, tiny] = [await publish("mute:1"), await publish("tiny:1", { isTiny: true })];
    const host = (await engine.docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")).trim();
    const wrong = { username: "team", password: "wrong" };
    const cases: [Partial<RuntimeJob["assignment"]>, string][] = [
      [{ image: foreign.image }, `it is made for linux/s390x, and the host is ${host}`],
      [{ image: mute, argv: [] }, "has neither an entrypoint nor a command: give commands"],
      [{ image: tiny, argv: shell }, 'is too small to have a shell "/bin/sh"'],
      [{ image: `${registry.address}/e2e/mute:2` }, "manifest unknown"],
      [{ image: mute, registry_auth: wrong }, "unauthorized"],
    ];
    const runtime = runtimeOn(engine);
    for (const [assignment, said] of cases) {
      const outcome = await runtime.start(aJob(assignment), hooksOf()).then(
        () => "it runs",
        (err: unknown) => err,
      );
      expect(outcome).toMatchObject({
        reason: "creating_container_error",
        message: expect.stringContaining(said),
      });
    }
    for (const image of [foreign.image, mute, tiny])
      for (const digest of await layersOf(image))
        expect(registry.program.output()).not.toContain(`GET /v2/e2e/${repositoryOf(image)}/blobs/${digest}`);
    // The same names run where they can: what was refused was this job's, and not the image.
    expect(await runToEnd(runtime, aJob({ image: mute }))).toBe(0);
  }, 60_000);

  test("jobs that start together pull an image once", async () => {
    const image = await publish("shared:1", { fat: 8 });
    const runtime = runtimeOn(engine);
    const codes = await Promise.all([1, 2, 3].map(() => runToEnd(runtime, aJob({ image }))));
    expect(codes).toEqual([0, 0, 0]);
    const [layer = ""] = await layersOf(image);
    expect(registry.program.output().split(`GET /v2/e2e/shared/blobs/${layer}`)).toHaveLength(2);
    expect(await engine.docker("ps", "-aq")).toBe("");
  }, 30_000);

  test("containers of finished jobs stay for a look, so many as are wanted", async () => {
    const runtime = runtimeOn(engine, { DSTACK_AGENT_KEEP_FINISHED: "2" });
    for (const job_name of ["one-0-0", "two-0-0", "three-0-0"])
      expect(
        await runToEnd(runtime, dockerJob(dir, { job_name, argv: ["/bin/sh", "-c", "echo $0; exit 3"] })),
      ).toBe(3);
    const names = (await engine.docker("ps", "-a", "--format", "{{.Names}}")).trim().split("\n");
    expect(names.map((name) => name.replace(/-[0-9a-f-]{36}-/, "-*-"))).toEqual([
      "three-0-0-*-finished",
      "two-0-0-*-finished",
    ]);
    expect(await engine.docker("logs", names[0] ?? "")).toBe("/bin/sh\r\n");
    // One that is still running when it is taken away is killed and kept too.
    const job = dockerJob(dir, { argv: ["sleep", "1000"] });
    await runtime.start(job, hooksOf());
    await runtime.remove(job.assignment.submission_id, job.dir);
    expect(await engine.docker("ps", "-q")).toBe("");
    await runtimeOn(engine).remove(job.assignment.submission_id, job.dir);
    expect(await engine.docker("ps", "-aq")).toBe("");
  }, 30_000);

  test("on a full disk images that the agent pulled make room, the longest unused first; never others, never one in use", async () => {
    const runtime = runtimeOn(engine, { DSTACK_AGENT_IMAGES_HIGH_PERCENT: "1" }, dir);
    const [first, second] = [await publish("first:1"), await publish("second:1")];
    await engine.docker("tag", TEST_IMAGE, "dstack-e2e:theirs");
    const job = aJob({ image: first });
    await (await runtime.start(job, hooksOf())).ended;
    // The container of the first job still has its image when the second job makes room.
    await runToEnd(runtime, aJob({ image: second }));
    const list = async () =>
      (await engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
    expect(await list()).toContain(first);
    expect(await list()).not.toContain(second);
    await runtime.remove(job.assignment.submission_id, job.dir);
    expect(await list()).not.toContain(first);
    expect(await list()).toEqual(expect.arrayContaining(["dstack-e2e:theirs", TEST_IMAGE]));
  }, 30_000);

  test("an image for which there is no room is pulled again once others made room, or the job ends and says why", async () => {
    await using disposal = new AsyncDisposableStack();
    const small = join(dir, "small");
    mkdirSync(small);
    await runOk(["mount", "-t", "tmpfs", "-o", "size=52m", "dstack-e2e", small]);
    disposal.defer(async () => void (await run(["umount", "-l", small])));
    const images = [];
    for (const [name, fat] of [
      ["large-a:1", 16],
      ["large-b:1", 16],
      ["too-large:1", 45],
    ] as const)
      images.push(await publish(name, { fat }));
    const [a = "", b = "", tooLarge = ""] = images;
    const host = await network.addHost("small");
    const tiny = disposal.use(
      await startEngine({ host, dir: join(small, "engine"), insecureRegistry: registry.address }),
    );
    const runtime = runtimeOn(tiny, { DSTACK_AGENT_IMAGES_HIGH_PERCENT: "100" });
    expect(await runToEnd(runtime, aJob({ image: a }))).toBe(0);
    expect(await runToEnd(runtime, aJob({ image: b }))).toBe(0);
    expect(await tiny.docker("images", "-q", a)).toBe("");
    await expect(runtime.start(aJob({ image: tooLarge }), hooksOf())).rejects.toMatchObject({
      reason: "creating_container_error",
      message: expect.stringContaining("no space left on device"),
      hint: "The engine's disk is full: remove images and containers that are not needed",
    });
  }, 60_000);
});
