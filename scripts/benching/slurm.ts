import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "../e2e/harness/freePort.ts";
import { run, startProgram } from "../e2e/harness/program.ts";
import { installPackages } from "../testing/debianPackages.ts";

/** Slurm on this machine alone, with everything of its own: ports, keys, folders. */
export interface Slurm extends AsyncDisposable {
  /** The environment in which `srun` finds it. */
  env: Record<string, string>;
}

const PROGRAMS = ["munged", "slurmctld", "slurmd", "srun"];
const PACKAGES = ["slurmctld", "slurmd", "slurm-client", "munge"];
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Answers why it cannot be had where that is so: it needs root and Debian's packages. */
export const startSlurm = async (
  dir: string,
  say: (line: string) => void,
): Promise<Slurm | { reason: string }> => {
  if (process.getuid?.() !== 0) return { reason: "Slurm needs root" };
  if (PROGRAMS.some((name) => Bun.which(name) === null)) await installPackages(PACKAGES, say);
  const missing = PROGRAMS.filter((name) => Bun.which(name) === null);
  if (missing.length > 0) return { reason: `not installed: ${missing.join(", ")}` };

  await using undo = new AsyncDisposableStack();
  for (const folder of ["state", "spool", "log"]) mkdirSync(join(dir, folder), { recursive: true });
  const key = join(dir, "munge.key");
  writeFileSync(key, crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o400 });
  const socket = join(dir, "munge.sock");
  const configuration = join(dir, "slurm.conf");
  writeFileSync(configuration, await slurmConf(dir, socket));
  const env = { PATH, SLURM_CONF: configuration };
  const start = (name: string, args: string[]) =>
    undo.use(
      startProgram({
        name,
        command: [name, ...args],
        logFile: join(dir, "log", `${name}.out`),
        env,
        cwd: dir,
      }),
    );

  const munge = ["--foreground", "--force", "--key-file", key, "--socket", socket];
  start("munged", [
    ...munge,
    "--pid-file",
    join(dir, "munged.pid"),
    "--log-file",
    join(dir, "log/munged.log"),
    "--seed-file",
    join(dir, "munge.seed"),
  ]);
  await waitFor("munged", async () => (await run(["munge", "-n", "-S", socket], { env })).code === 0, 10_000);
  start("slurmctld", ["-D"]);
  start("slurmd", ["-D"]);
  const isIdle = async () => (await run(["sinfo", "-h", "-o", "%T"], { env })).stdout.trim() === "idle";
  await waitFor("Slurm's node to be idle", isIdle, 30_000);
  const cleanUp = undo.move();
  return { env, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

const slurmConf = async (dir: string, socket: string): Promise<string> => {
  const name = hostname().split(".")[0] ?? "localhost";
  const lines = {
    ClusterName: "bench",
    SlurmctldHost: `${name}(127.0.0.1)`,
    SlurmUser: "root",
    SlurmdUser: "root",
    AuthType: "auth/munge",
    AuthInfo: `socket=${socket}`,
    SlurmctldPort: await freePort(),
    SlurmdPort: await freePort(),
    StateSaveLocation: join(dir, "state"),
    SlurmdSpoolDir: join(dir, "spool"),
    SlurmctldPidFile: join(dir, "slurmctld.pid"),
    SlurmdPidFile: join(dir, "slurmd.pid"),
    SlurmctldLogFile: join(dir, "log/slurmctld.log"),
    SlurmdLogFile: join(dir, "log/slurmd.log"),
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    ReturnToService: 2,
  };
  return [
    ...Object.entries(lines).map(([key, value]) => `${key}=${value}`),
    `NodeName=${name} NodeAddr=127.0.0.1 CPUs=${cpus().length} State=UNKNOWN`,
    "PartitionName=all Nodes=ALL Default=YES State=UP",
    "",
  ].join("\n");
};
