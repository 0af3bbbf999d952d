/** What a download through `dstack attach` makes of all that can happen on its way. DSTACK_E2E_LONG: 1 GB, 30 s. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { ownMemory } from "../benching/probe.ts";
import { startAgent } from "./harness/agent.ts";
import { startCoordinator } from "./harness/coordinator.ts";
import { DOWNLOAD_PORT } from "./harness/downloadServer.ts";
import { createNetwork } from "./harness/network.ts";
import { type Program, startProgram } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { type Download, isServing, serveSlowly, startDownload } from "./harness/slowDownload.ts";
import { SMALL } from "./harness/system.ts";

const isLong = Boolean(process.env["DSTACK_E2E_LONG"]);
const SERVED = serveSlowly(isLong ? { mib: 1000, mibPerS: 100 } : { mib: 48, mibPerS: 16 });
const AWAY_MS = isLong ? 30_000 : 3_000;
/** A broken link is waited for for a minute, and to notice that it is may take as long. */
const DEADLINE_MS = 150_000;
const TIMEOUT_MS = 240_000;
/** A collector takes its time. */
const MOST_LEFT_MIB = 80;
/** Downloads that nobody reads to their end. */
const LEFT = 10;
/** In the laptop's own network, where everything is free. */
const LOCAL_PORT = 8_300;

/** A job on a host, and a laptop that is attached to it; each with a network of its own. */
const openScene = async (way: "relay" | "direct") => {
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(tempDir()).path;
  const network = undo.use(await createNetwork());
  const [host, laptop] = [await network.addHost("host"), await network.addHost("laptop")];
  const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
  const options = { coordinator, dir: join(dir, "host"), runtime: "process", place: host } as const;
  const agent = undo.use(await startAgent(options));
  const { client } = coordinator;
  const task = {
    type: "task",
    name: "server",
    commands: [SERVED.command],
    ports: [`${LOCAL_PORT}:${DOWNLOAD_PORT}`],
    resources: SMALL,
  };
  await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
  const logFile = join(dir, "attach.log");
  const attached = undo.use(
    client.startDstack(["attach", "server"], {
      logFile,
      place: laptop,
      env: { DSTACK_TUNNEL_WAY: way },
    }),
  );
  await attached.waitForOutput(new RegExp(`Connected via ${way}`));
  const port = { port: LOCAL_PORT, place: laptop };
  await waitFor("the job to serve", () => isServing(port), 30_000);
  let downloads = 0;
  const cleanUp = undo.move();
  return {
    host,
    laptop,
    coordinator,
    agent,
    attached,
    isServing: () => isServing(port),
    /** OpenSSH in the job, with something that does not end by itself. */
    openShell: async (): Promise<Program> => {
      downloads += 1;
      const shell = startProgram({
        name: "ssh",
        command: [
          "ssh",
          "-F",
          join(coordinator.home, ".ssh/config"),
          "server",
          "echo inside; exec sleep 900",
        ],
        logFile: join(dir, `shell-${downloads}.log`),
        env: { ...cleanEnvironment(coordinator.home), DSTACK_TUNNEL_WAY: way },
        cwd: dir,
        place: laptop,
      });
      await shell.waitForOutput(/inside/);
      return shell;
    },
    download: () => {
      downloads += 1;
      return startDownload(SERVED, { ...port, file: join(dir, `download-${downloads}`) });
    },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};

for (const way of ["relay", "direct"] as const) {
  describeWith(["programs", "root", "curl"], `a download through a tunnel, ${way}`, () => {
    let scene: Awaited<ReturnType<typeof openScene>>;
    beforeAll(async () => {
      scene = await openScene(way);
    }, 60_000);
    afterAll(() => scene[Symbol.asyncDispose](), 60_000);
    /** Whatever has happened: the next connection goes, and nobody has lost their attachment. */
    afterEach(async () => {
      await waitFor("the port to lead to the job again", () => scene.isServing(), DEADLINE_MS);
      expect(scene.attached.isRunning()).toBe(true);
    }, TIMEOUT_MS);

    /** Not by being asked to: with the exit code that OpenSSH has for a connection that is no more. */
    const endedByItself = async (shell: Program): Promise<void> => {
      await waitFor("the shell to end", () => !shell.isRunning(), DEADLINE_MS);
      expect(await shell.exited).toBe(255);
    };

    /** Something happens when a third of it is here. */
    const downloadDuring = async (happen: () => Promise<void>): Promise<string> => {
      await using download: Download = scene.download();
      await download.reached(SERVED.bytes / 3);
      await happen();
      // Not before it has ended may it be disposed.
      return await download.ended(DEADLINE_MS);
    };

    const whole: [string, () => Promise<void>][] = [
      ["the host's network is away for a while", () => away(scene.host.cut, scene.host.mend)],
      ["the client's network is away for a while", () => away(scene.laptop.cut, scene.laptop.mend)],
      ["the client sleeps", () => away(scene.attached.freeze, scene.attached.thaw)],
      ["the host has another address", () => scene.host.move()],
      ["the client has another address", () => scene.laptop.move()],
    ];
    // The two ways differ in where they lead; in short, that is what is played of the second one.
    const played = way === "relay" || isLong ? whole : whole.filter(([name]) => name.startsWith("the host"));
    test.each(played)(
      "is whole although %s",
      async (_name, happen) => {
        expect(await downloadDuring(happen)).toBe("whole");
      },
      TIMEOUT_MS,
    );

    test(
      "ends with an error when the agent is killed, shells too, and the job goes on",
      async () => {
        const { agent, coordinator } = scene;
        const before = await coordinator.client.getRun("server");
        await using shell = await scene.openShell();
        expect(
          await downloadDuring(async () => {
            await agent.program.kill9();
            agent.restart();
          }),
        ).toStartWith("broken: ");
        await endedByItself(shell);
        await waitFor("the port to lead to the job again", () => scene.isServing(), DEADLINE_MS);
        const after = await coordinator.client.getRun("server");
        expect(after.jobs[0]?.job_submissions).toHaveLength(before.jobs[0]?.job_submissions.length ?? 0);
      },
      TIMEOUT_MS,
    );

    const killCoordinator = async () => {
      await scene.coordinator.program.kill9();
      await scene.coordinator.restart();
    };
    if (way === "relay")
      test(
        "ends with an error when the coordinator is killed, shells too",
        async () => {
          await using shell = await scene.openShell();
          expect(await downloadDuring(killCoordinator)).toStartWith("broken: ");
          await endedByItself(shell);
        },
        TIMEOUT_MS,
      );
    else
      test(
        "is whole although the coordinator is killed",
        async () => {
          expect(await downloadDuring(killCoordinator)).toBe("whole");
        },
        TIMEOUT_MS,
      );

    test(
      "leaves nothing behind, whether it is whole or was left half-way",
      async () => {
        const programs = () => [scene.coordinator.program, scene.agent.program, scene.attached];
        await waitFor("a quiet moment", () => scene.isServing(), DEADLINE_MS);
        const leave = async (downloads: number) => {
          for (let at = 0; at < downloads; at += 1) {
            await using left = scene.download();
            await left.reached(1 << 20);
          }
        };
        // What is opened on first use, and stays, is here after these.
        await leave(2);
        const before = programs().map(openFiles);
        const memoryBefore = programs().map(ownMib);
        await leave(LEFT);
        // A connection for questions comes and goes meanwhile; one that a download leaves would be there as often as they.
        const grown = () => programs().map((program, at) => without(openFiles(program), before[at] ?? []));
        const closed = () => grown().every(({ more }) => more < LEFT / 2);
        await waitFor("all that was open to be closed", closed, 60_000).catch((cause: unknown) => {
          throw new Error(`Open since then: ${JSON.stringify(grown())}`, { cause });
        });
        for (const [which, program] of programs().entries())
          expect(ownMib(program) - (memoryBefore[which] ?? 0)).toBeLessThan(MOST_LEFT_MIB);
      },
      TIMEOUT_MS,
    );
  });
}

const away = async (go: () => unknown, comeBack: () => unknown): Promise<void> => {
  await go();
  await delay(AWAY_MS);
  await comeBack();
};

const ownMib = ({ pid }: Program): number => ownMemory(pid) ?? Number.NaN;

/** What a program's open files lead to; one that is closed meanwhile is none. */
const openFiles = ({ pid }: Program): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch (err) {
      if (err instanceof Error && "code" in err && err.code === "ENOENT") return [];
      throw err;
    }
  });

const without = (now: readonly string[], before: readonly string[]) => ({
  more: now.length - before.length,
  files: now.filter((file) => !before.includes(file)),
});
