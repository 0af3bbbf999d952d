import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { bootId } from "../process/procfs.ts";
import { REBOOTED } from "../rebooted.ts";
import { whenThereIsRoom } from "../room.ts";
import type { JobAccount, RunningJob, Runtime, RuntimeHooks, RuntimeJob } from "../runtime.ts";
import { isUnreachable, openDocker } from "./client.ts";
import { allFeatures } from "./features.ts";
import { findContainer, hasStarted, removeContainer, retireContainers } from "./find.ts";
import { openImages } from "./images.ts";
import { ImageUse } from "./imageUse.ts";
import { type LaunchDeps, launch } from "./launch.ts";
import { makeRoom } from "./makeRoom.ts";
import type { DockerSettings } from "./settings.ts";
import { createDockerShell } from "./shell.ts";
import { Spool } from "./spool.ts";
import { GONE, watchContainer } from "./watch.ts";
import { whenReachable } from "./whenReachable.ts";

export interface DockerRuntimeOptions {
  /** DOCKER_HOST. */
  dockerHost: string;
  log: Logger;
  settings: DockerSettings;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
  /** Where the agent keeps what must outlive it; undefined: nothing does. */
  stateDir?: string;
}

/** How an engine tells of containers that went down with their host: killed, asked to end, or found dead afterwards. */
const DOWN_WITH_HOST: ReadonlySet<number | null> = new Set([137, 143, 255]);

/** The end of a container that was started before the host was, where it was the restart that ended it. */
const withReboot = <R extends Pick<RunningJob, "ended">>(running: R, mark: string): R => {
  const startedIn = existsSync(mark) ? readFileSync(mark, "utf8") : "";
  if (startedIn === "" || startedIn === bootId()) return running;
  // Nobody asked for it: the coordinator takes it as the loss of a host, and retries what is retried then.
  const ended = running.ended.then((end) =>
    end.reason === "container_exited_with_error" && DOWN_WITH_HOST.has(end.exitStatus)
      ? { ...end, reason: "terminated_by_server" as const, message: REBOOTED }
      : end,
  );
  return { ...running, ended };
};

/** Written before the engine is asked to start: from then on the command may have run. */
const MARK = "container";
/** Of a stop that has begun. */
const STOP_NOTE = "stop";

/** How long a start that was asked for may take to be seen, before it counts as failed. */
const START_SEEN_MS = 10_000;

/** Runs jobs in containers (docs/spec/agent.md §2). Nothing is loaded or connected before the first call. */
export const createDockerRuntime = (options: DockerRuntimeOptions): Runtime => {
  const { log, settings, stateDir, self } = options;
  const features = allFeatures();
  const use = new ImageUse({
    path: stateDir === undefined ? undefined : join(stateDir, "images.json"),
    now: Date.now,
    log,
  });
  const connect = async () => {
    const docker = await openDocker(options.dockerHost);
    const deps = { docker, use, settings, log };
    return { ...deps, features, images: openImages(deps) };
  };
  let opened: ReturnType<typeof connect> | undefined;
  const open = () => {
    opened ??= connect();
    return opened;
  };

  const logOf = ({ assignment }: Pick<RuntimeJob, "assignment">) =>
    log.child({ submission_id: assignment.submission_id });

  const openSpool = async ({ assignment, spoolPath: path, dir }: RuntimeJob, hooks: RuntimeHooks) => {
    const giveUp = new AbortController();
    const jobLog = logOf({ assignment });
    const spool = await Spool.open({
      path,
      log: jobLog,
      onOutput: hooks.onOutput,
      giveUp: giveUp.signal,
      quota: { perHour: assignment.log_quota_hour },
    });
    return { assignment, spool, giveUp, log: jobLog, stopNotePath: join(dir, STOP_NOTE) };
  };

  /** `undefined`: it never ran, and what was left of it is removed. */
  const adoptOnce = async (
    docker: Docker,
    job: RuntimeJob,
    hooks: RuntimeHooks,
  ): Promise<RunningJob | undefined> => {
    const mark = join(job.dir, MARK);
    const container = await findContainer(docker, job.assignment.submission_id);
    if (!container) {
      if (!existsSync(mark)) return undefined;
      return { runtimeId: "", ended: Promise.resolve(GONE), stop: () => {} };
    }
    const seenBy = Date.now() + (existsSync(mark) ? START_SEEN_MS : 0);
    for (;;) {
      const info = await container.inspect();
      if (hasStarted(info)) {
        const { WorkingDir, User } = info.Config;
        const place = { workingDir: WorkingDir || "/", username: User.split(":")[0] || "root" };
        return {
          runtimeId: container.id,
          ...place,
          account: accountOf(container, job),
          shell: createDockerShell({ docker, container, self }),
          ...withReboot(watchContainer({ ...(await openSpool(job, hooks)), container }), mark),
        };
      }
      const hasFailed = info.State.ExitCode !== 0;
      if (hasFailed || Date.now() >= seenBy) break;
      await delay(100);
    }
    await removeContainer(container);
    rmSync(mark, { force: true });
    return undefined;
  };

  const startOnce = async (deps: LaunchDeps, job: RuntimeJob, hooks: RuntimeHooks): Promise<RunningJob> => {
    const mark = join(job.dir, MARK);
    // Before the start: a command whose output cannot be kept must not run.
    const watched = await openSpool(job, hooks);
    try {
      const { container, terminal, place } = await launch(deps, job, {
        ...hooks,
        mark: () => writeFileSync(mark, bootId()),
        notice: (text) => watched.spool.notice(text),
      });
      const { workingDir, username } = place;
      const watching = watchContainer({ ...watched, container, terminal });
      return {
        runtimeId: container.id,
        workingDir,
        username,
        account: accountOf(container, job),
        shell: createDockerShell({ docker: deps.docker, container, self }),
        ...watching,
      };
    } catch (err) {
      await watched.spool[Symbol.asyncDispose]();
      if (!isUnreachable(err)) rmSync(mark, { force: true });
      throw err;
    }
  };

  return {
    name: "docker",
    start: (job, hooks) => {
      const options = { signal: hooks.signal, log: logOf(job) };
      let isRetry = false;
      const start = async () => {
        const deps = await open();
        // The engine went away while it was asked to start the job: it may run by now.
        const running = isRetry ? await adoptOnce(deps.docker, job, hooks) : undefined;
        isRetry = true;
        return running ?? startOnce(deps, job, hooks);
      };
      return whenThereIsRoom(options, () => whenReachable(options, start));
    },
    adopt: (job, hooks) =>
      whenReachable({ signal: hooks.signal, log: logOf(job) }, async () =>
        adoptOnce((await open()).docker, job, hooks),
      ),
    remove: async (submissionId, dir) => {
      const deps = await open();
      await retireContainers(deps.docker, submissionId, settings.keepFinished);
      for (const name of [MARK, STOP_NOTE]) rmSync(join(dir, name), { force: true });
      // A job's own data may have filled the disk. It is gone now, or is in its way: no reason to fail.
      await makeRoom(deps).catch((err: unknown) =>
        log.warn("Cannot look after the engine's disk", { reason: messageOf(err) }),
      );
    },
  };
};

const accountOf = (container: Docker.Container, { assignment }: RuntimeJob): JobAccount => ({
  pid: async () => (await container.inspect()).State.Pid || undefined,
  container: container.id,
  hasNetwork: assignment.network_mode === "bridge",
});
