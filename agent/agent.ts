import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { AppError } from "../shared/errors.ts";
import { type Logger, teeLogger } from "../shared/log.ts";
import type { Inventory, RuntimeName } from "../shared/protocol/inventory.ts";
import { BUILD_TARGET } from "../shared/version.ts";
import { Drain } from "./control/drain.ts";
import { createControl } from "./control/handlers.ts";
import { LeaveAsked } from "./control/leaveAsked.ts";
import { serveControl } from "./control/server.ts";
import { keepFence } from "./fence/keepFence.ts";
import { openHostClock, uptimeMs } from "./hostClock.ts";
import { InventoryWatch, type WatchDeps } from "./inventory/watch.ts";
import { AgentLogs } from "./jobs/agentLogs.ts";
import { Jobs } from "./jobs/jobs.ts";
import { Journal } from "./jobs/journal.ts";
import { SpoolSpace } from "./jobs/spoolSpace.ts";
import { sendAgentLog } from "./link/agentLog.ts";
import { createFetchBlob } from "./link/blobs.ts";
import { Contact } from "./link/contact.ts";
import { enrollAgain } from "./link/enroll.ts";
import { type Identity, removeIdentity, renewAt, saveIdentity } from "./link/identity.ts";
import { LinkState } from "./link/linkState.ts";
import { type LogUploadDeps, uploadLog } from "./link/logs.ts";
import { MetricsLoop } from "./link/metrics.ts";
import { Nudge } from "./link/nudge.ts";
import { Reporter } from "./link/report.ts";
import { runSync } from "./link/sync.ts";
import { SYSTEM_TRUST, TrustKeeper } from "./link/trust.ts";
import { createSampler } from "./metrics/sampler.ts";
import { prepareRepo } from "./repo/prepareRepo.ts";
import { openCgroups } from "./runtime/process/cgroups.ts";
import { createProcessRuntime } from "./runtime/process/processRuntime.ts";
import { bootId } from "./runtime/process/procfs.ts";
import { Supervisors } from "./runtime/process/supervisors.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { ServiceManager } from "./service/notify.ts";
import { startUninstall } from "./service/uninstall.ts";
import { AgentTunnel } from "./tunnel/agentTunnel.ts";
import type { UpgradeBook } from "./upgrade/book.ts";
import { Upgrader } from "./upgrade/upgrader.ts";

interface UpgradeOptions {
  /** This program's file; undefined: it runs from its sources. */
  program: string | undefined;
  isOn: boolean;
  book: UpgradeBook;
  /** Set while this release has to show that it works: it may take this long to reach the coordinator. */
  trialMs: number | undefined;
}

export interface AgentDeps {
  stateDir: string;
  identity: Identity;
  /** DSTACK_CA_FILE. */
  caFile: string | undefined;
  /** As it is at the start. */
  inventory: Inventory;
  /** How it is read again. */
  readings: Pick<WatchDeps, "read" | "glance">;
  /** An administrator says (SIGHUP) that something of the host has changed. */
  onHangUp: (listener: () => void) => void;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Made when the first job needs it: hosts without an engine never load what it takes. */
  createDockerRuntime: (log: Logger) => Runtime;
  /** DOCKER_HOST. */
  dockerHost: string;
  /** Where clients may reach this host without the coordinator; 0: any port, `off`: nowhere. */
  directPort: number | "off";
  service: ServiceManager;
  upgrade: UpgradeOptions;
  log: Logger;
}

/**
 * `left`: the host belongs to no fleet any more; `replaced`: another release is in this program's place, to be started;
 * `failed`: this release is on trial and did not reach the coordinator in time.
 */
export type AgentEnd = "stopped" | "left" | "replaced" | "failed";

/**
 * The agent of one host, until the signal aborts: then it lets go of its jobs, which go on, and resolves. Rejects with
 * `conflict` where another agent has the state directory, and with `fenced` where a newer one has the identity.
 */
export const runAgent = async (deps: AgentDeps, signal: AbortSignal): Promise<AgentEnd> => {
  const { stateDir } = deps;
  let identity = deps.identity;
  const trust = new TrustKeeper({
    url: identity.url,
    caFile: deps.caFile,
    current: () => identity.trust ?? SYSTEM_TRUST,
    keep: (next) => keep({ ...identity, trust: next }),
    log: deps.log,
  });
  const link = { url: identity.url, token: () => identity.credential.token, tls: () => trust.tls };
  const jobsDir = join(stateDir, "jobs");
  const agentLogs = new AgentLogs({
    jobsDir,
    send: (submissionId, offset, bytes) => sendAgentLog(link, { submissionId, offset, bytes }, signal),
  });
  using closing = new DisposableStack();
  closing.defer(() => agentLogs.close());
  const log = teeLogger(deps.log, (record) => agentLogs.note(record));
  using journal = Journal.open(join(stateDir, "journal.db"), log);
  using supervisors = new Supervisors({
    socketPath: join(stateDir, "agent.sock"),
    command: [...deps.self, "supervise"],
    // Bun puts the parts of the program that are not its own there, to load them. In /tmp, its default, they would stay for
    // ever, others could have put something there first, and programs may not be allowed.
    env: { ...deps.env, BUN_TMPDIR: stateDir },
    log,
  });
  const nudge = new Nudge();
  const watch = new InventoryWatch({
    first: deps.inventory,
    ...deps.readings,
    clock: systemClock,
    log,
    onChange: () => nudge.nudge(),
  });
  deps.onHangUp(() => watch.force());
  const host = {
    env: deps.env,
    own: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    gpus: () => watch.devices,
  };
  const processRuntime = createProcessRuntime({
    supervisors,
    cgroups: openCgroups({ root: "/", log }),
    host,
    self: deps.self,
    log,
  });
  let docker: Runtime | undefined;
  const runtimes = (name: RuntimeName): Runtime => {
    if (name === "process") return processRuntime;
    docker ??= deps.createDockerRuntime(log);
    return docker;
  };

  const clock = openHostClock(
    join(stateDir, "clock"),
    { bootId: bootId(), uptimeMs, wallMs: Date.now, after: systemClock.after },
    log,
  );
  const session = crypto.randomUUID();
  const keep = (next: Identity) => {
    identity = next;
    saveIdentity(stateDir, next);
  };
  const reporter = new Reporter({
    link,
    journal,
    session,
    log,
    onAnswer: (report, result) => jobs.reported(report, result),
  });
  const fetchBlob = createFetchBlob({ link, dir: join(stateDir, "blobs"), log });
  const contact = new Contact();
  const space = new SpoolSpace({ log });
  const logDeps: LogUploadDeps = { link, log, space, onFenced: (id) => jobs.forget(id) };
  const jobs: Jobs = new Jobs({
    runtimes,
    journal,
    clock,
    isSameBoot: clock.isSameBoot,
    keepFence: keepFence({ stateDir, dockerHost: deps.dockerHost, self: deps.self, log }),
    log,
    jobsDir,
    report: (report) => {
      reporter.push(report);
      // It may have filled the disk, or broken a device.
      if (report.fact.state === "finished") watch.request();
    },
    fetchBlob,
    prepareRepo: (repo, where) =>
      prepareRepo({ fetchBlob, log, env: deps.env, knownHosts: join(stateDir, "known_hosts") }, repo, where),
    uploadLog: (source) => uploadLog(logDeps, source),
    flushAgentLog: (id) => agentLogs.flush(id),
    onRunning: () => metrics.wake(),
    onAdopted: () => nudge.nudge(),
    reachableMs: () => contact.ms,
  });
  // Samples stay as far apart as they were taken, whatever happens to the host's clock; the coordinator knows its own.
  const startedAt = Date.now() - systemClock.steady();
  const steadyNow = () => Math.round(startedAt + systemClock.steady());
  const metrics = new MetricsLoop({
    link,
    log,
    sample: createSampler({
      dir: stateDir,
      inventory: () => watch.current,
      jobs: () => jobs.used(),
      now: steadyNow,
      log,
    }),
    hasJobs: () => jobs.used().length > 0,
    now: steadyNow,
  });
  await jobs.adopt();
  if (watch.current.runtime === "process") supervisors.warmUp();

  using tunnel = new AgentTunnel({
    link,
    env: deps.env,
    log,
    jobOf: (submissionId) => jobs.attached(submissionId),
    stateDir,
    directPort: deps.directPort,
  });

  const ended = new AbortController();
  const stopped = AbortSignal.any([signal, ended.signal]);
  const state = new LinkState(Date.now, deps.service.status);
  const drain = new Drain(stateDir, () => nudge.nudge());
  let end: AgentEnd = "stopped";
  const endAs = (how: AgentEnd) => {
    end = how;
    ended.abort();
  };
  await using upgrader = new Upgrader({
    ...deps.upgrade,
    stateDir,
    url: identity.url,
    tls: () => trust.tls,
    target: BUILD_TARGET,
    log,
    now: Date.now,
    trust: (offered) => {
      if (!identity.release_key) keep({ ...identity, release_key: offered });
      return identity.release_key ?? offered;
    },
    onChange: () => nudge.nudge(),
    onReady: () => endAs("replaced"),
  });
  const trial = startClockOf(deps.upgrade, () => endAs("failed"));
  const control = createControl({
    link,
    identity: () => identity,
    inventory: () => watch.current,
    state,
    drain,
    jobs,
    upgrade: () => upgrader.says,
    log,
    now: Date.now,
    startedAt: Date.now(),
    onLeft: () => {
      removeIdentity(stateDir);
      endAs("left");
      drain.end();
    },
    signal: stopped,
  });
  await using _control = serveControl(stateDir, control, log);
  const leaving = new LeaveAsked({
    held: () => jobs.held().length,
    drain: () => {
      if (!drain.state) drain.begin("The host leaves its fleet", Date.now());
    },
    leave: async (force) => control.leave({ force }),
    uninstall: () => startUninstall(stateDir, deps.env),
    log,
    signal: stopped,
  });
  const going = Promise.all([reporter.run(stopped), metrics.run(stopped), watch.run(stopped)]);
  deps.service.ready();
  stopped.addEventListener("abort", () => deps.service.stopping(), { once: true });
  const syncEnd = await runSync(
    {
      link,
      session,
      start: journal.start,
      bootId: bootId(),
      log,
      held: () => jobs.held(),
      inventory: () => watch.current,
      draining: () => drain.state,
      upgrade: () => upgrader.says,
      onOffer: (offer) => {
        trial.passed();
        upgrader.offered(offer);
      },
      trust: () => trust.digest,
      onTrust: (told) => trust.told(told, stopped),
      onLeave: (wish) => leaving.asked(wish),
      onTunnel: (isWanted) => tunnel.wanted(isWanted),
      nudge,
      state,
      isUrgent: () => jobs.hasUnconfirmed() || !drain.isTold,
      clock,
      onAnswer: (desired, { held, draining, sentAt, answeredAt }) => {
        contact.answered(sentAt, answeredAt);
        drain.told(draining);
        jobs.answered(sentAt);
        jobs.confirm(held.map((one) => one.submission_id));
        jobs.apply(desired, { named: held, receivedAt: answeredAt });
        reporter.retry();
        jobs.linkIsUp();
      },
      onLost: () => contact.lost(),
      wantsCredential: () => Date.now() >= identity.renew_at,
      onCredential: (credential) =>
        keep({ ...identity, credential, renew_at: renewAt(credential, Date.now()) }),
      enrollAgain: async (waiting) => {
        const options = {
          url: identity.url,
          bootId: bootId(),
          inventory: watch.current,
          signal: waiting,
          now: Date.now,
          tls: trust.tls,
        };
        keep(await enrollAgain(options, identity));
        log.info("Got a new credential by the host's key");
      },
    },
    stopped,
  );
  ended.abort();
  await jobs.detach();
  await going;
  trial.stop();
  if (syncEnd === "fenced")
    throw new AppError("fenced", "Another process with this host's identity has taken over", {
      hint: "Run one agent for each host; a copied state directory must be joined anew",
    });
  return end;
};

/** The time that a release on trial has to reach the coordinator. */
const startClockOf = ({ book, trialMs }: UpgradeOptions, onOver: () => void) => {
  const timer = trialMs === undefined ? undefined : setTimeout(onOver, trialMs);
  const stop = () => clearTimeout(timer);
  let isOn = trialMs !== undefined;
  return {
    stop,
    passed: () => {
      if (isOn) book.endTrial();
      isOn = false;
      stop();
    },
  };
};
