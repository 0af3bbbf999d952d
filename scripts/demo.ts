/** A coordinator, a host that dials out to it, tasks on it, a port and a shell; everything is gone afterwards. */
import { join, resolve } from "node:path";
import { tempDir } from "../shared/testing/tempDir.ts";
import { waitFor } from "../shared/testing/waitFor.ts";
import { startAgent } from "./e2e/harness/agent.ts";
import { startCoordinator } from "./e2e/harness/coordinator.ts";
import { run } from "./e2e/harness/program.ts";
import { DSTACK } from "./e2e/harness/programs.ts";

const examples = resolve(import.meta.dir, "../examples");
const IMAGE = "busybox";
const startedAt = performance.now();

const say = (line: string) => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`\n[${seconds} s] ${line}\n`);
};

/** Why the container part is left out here; undefined: an engine answers and has the image. */
const noEngine = async (): Promise<string | undefined> => {
  if (!Bun.which("docker")) return "docker is not installed";
  if ((await run(["docker", "version"], { timeoutMs: 10_000 })).code !== 0) return "no Docker engine answers";
  if ((await run(["docker", "image", "inspect", IMAGE])).code === 0) return undefined;
  const { code } = await run(["timeout", "20", "docker", "pull", "-q", IMAGE]);
  return code === 0 ? undefined : `the Docker engine cannot pull ${IMAGE}`;
};

await using undo = new AsyncDisposableStack();
const { path: dir } = undo.use(tempDir());

say("Starting a coordinator in an empty folder: dstack server");
const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator") }));
process.stdout.write(coordinator.program.output());

const joinHost = async (fleet: string, runtime: "process" | "docker") => {
  say(`Joining this machine as a host of the fleet "${fleet}"; its jobs run with the ${runtime} runtime`);
  const engine = process.env["DOCKER_HOST"];
  const agent = { coordinator, dir: join(dir, fleet), runtime, name: fleet, fleet };
  undo.use(await startAgent({ ...agent, ...(engine ? { engine } : {}) }));
  process.stdout.write(await coordinator.client.dstackOk(["fleet"]));
};

/** The CLI writes straight to this terminal. */
const apply = async (example: string, fleet: string): Promise<void> => {
  const command = ["apply", "-y", "-f", example, "--fleet", fleet];
  say(`$ dstack ${command.join(" ")}`);
  const cli = Bun.spawn([DSTACK, ...command], {
    cwd: examples,
    env: { ...process.env, HOME: coordinator.home },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const code = await cli.exited;
  if (code !== 0) throw new Error(`dstack ${command.join(" ")} ended with ${code}`);
};

/** A port and a shell of a job, on this machine as long as somebody is attached. */
const reach = async (fleet: string): Promise<void> => {
  const { client } = coordinator;
  const show = async (...args: string[]) => {
    say(`$ dstack ${args.join(" ")}`);
    process.stdout.write(await client.dstackOk(args, { cwd: examples }));
  };
  await show("apply", "-y", "-d", "-f", "site.dstack.yml", "--fleet", fleet);
  say("$ dstack attach site");
  await using attached = client.startDstack(["attach", "site"], { logFile: join(dir, "attach.log") });
  const [, port] = await attached.waitForOutput(/localhost:(\d+) -> 8000[\s\S]*detach/);
  process.stdout.write(attached.output());
  const url = `http://localhost:${port}/`;
  say(`$ curl ${url}`);
  const page = () =>
    fetch(url).then(
      (answer) => answer.text(),
      () => undefined,
    );
  process.stdout.write(await waitFor("the page", page, 20_000));
  if (Bun.which("ssh")) await show("ssh", "site", "--", "cat site/index.html");
  else say("A shell in the job is left out: OpenSSH is not installed");
  await show("stop", "-y", "site");
};

await joinHost("processes", "process");
await apply("hello.dstack.yml", "processes");
if (Bun.which("python3")) await reach("processes");
else say("A port and a shell are left out: python3 is not installed");

const reason = await noEngine();
if (reason === undefined) {
  await joinHost("containers", "docker");
  await apply("image.dstack.yml", "containers");
} else say(`The same in a container is left out: ${reason}`);

say("$ dstack ps -a");
process.stdout.write(await coordinator.client.dstackOk(["ps", "-a"]));
say("Done; the coordinator and its hosts are ended and their files removed");
