import { X509Certificate } from "node:crypto";
import type { Resources } from "../../../shared/resources/offered.ts";
import type { Deps } from "../../deps.ts";
import type { Relay } from "../../relay/relay.ts";
import { type InstanceRow, listLiveInstances } from "../../store/instances.ts";
import { listProjectsByIds } from "../../store/projects.ts";
import { countRuns, listRunsByIds } from "../../store/runLists.ts";
import { listLiveSubmissions, type SubmissionRow } from "../../store/submissions.ts";
import type { HostPoint, JobPoint } from "../../store/usage.ts";
import { listUsersByIds } from "../../store/users.ts";
import type { TlsKeeper } from "../../tls/tlsKeeper.ts";
import { instanceTypeOf, REMOTE_BACKEND } from "../instances/instanceType.ts";
import { Exposition, type Labels } from "./exposition.ts";
import { CERTIFICATE, INSTANCE, JOB, RUN, TUNNEL } from "./families.ts";
import { BUCKETS } from "./runCounters.ts";

const MIB = 1024 ** 2;

/** What was last said of a job or host, as far as it is known since the start of this process. */
interface LatestUsage {
  latestOfJob(submissionId: string): JobPoint | undefined;
  latestOfHost(instanceId: string): HostPoint | undefined;
}

type PrometheusDeps = Pick<Deps, "db" | "clock" | "counters"> & {
  usage: LatestUsage;
  relay: Pick<Relay, "figures">;
  tls: Pick<TlsKeeper, "certificate">;
};

/** Everything for Prometheus, of all projects, in its text format (docs/spec/http-api.md §6). */
export const prometheusText = async (deps: PrometheusDeps): Promise<string> => {
  const out = new Exposition();
  await addInstances(deps, out);
  await addRuns(deps, out);
  await addJobs(deps, out);
  addTunnels(deps, out);
  addCertificate(deps, out);
  return out.text();
};

const namesById = <R extends { id: string }>(rows: readonly R[], nameOf: (row: R) => string) =>
  new Map(rows.map((row) => [row.id, nameOf(row)]));

const projectNames = async ({ db }: PrometheusDeps, ids: readonly string[]) =>
  namesById(await listProjectsByIds(db, [...new Set(ids)]), (row) => row.name);

const userNames = async ({ db }: PrometheusDeps, ids: readonly string[]) =>
  namesById(await listUsersByIds(db, [...new Set(ids)]), (row) => row.username);

const addInstances = async (deps: PrometheusDeps, out: Exposition): Promise<void> => {
  const found = await listLiveInstances(deps.db);
  const projects = await projectNames(
    deps,
    found.map(({ instance }) => instance.project_id),
  );
  for (const { instance, fleetName } of found) {
    const labels = instanceLabels(instance, projects.get(instance.project_id) ?? "", fleetName);
    out.add(INSTANCE.duration, labels, (deps.clock.now() - instance.created_at) / 1000);
    out.add(INSTANCE.price, labels, 0);
    out.add(INSTANCE.gpuCount, labels, instance.inventory.gpus.length);
    out.add(INSTANCE.reachable, labels, instance.unreachable ? 0 : 1);
    const point = deps.usage.latestOfHost(instance.id);
    if (!point) continue;
    out.add(INSTANCE.cpuTime, labels, point.cpu_us / 1e6);
    out.add(INSTANCE.memoryTotal, labels, point.memory_total_bytes);
    out.add(INSTANCE.memoryUsage, labels, point.memory_bytes);
    out.add(INSTANCE.diskTotal, labels, point.disk_total_bytes);
    out.add(INSTANCE.diskUsage, labels, point.disk_used_bytes);
    addTraffic(out, INSTANCE, { labels, point });
    addGpus(out, INSTANCE, { labels, point });
  }
};

const instanceLabels = (instance: InstanceRow, project: string, fleetName: string): Labels => {
  const type = instanceTypeOf(instance.inventory);
  return {
    dstack_project_name: project,
    dstack_fleet_name: fleetName,
    dstack_fleet_id: instance.fleet_id,
    dstack_instance_name: instance.name,
    dstack_instance_id: instance.id,
    dstack_instance_type: type.name,
    dstack_backend: REMOTE_BACKEND,
    dstack_gpu: type.resources.gpus[0]?.name ?? "",
  };
};

const addRuns = async (deps: PrometheusDeps, out: Exposition): Promise<void> => {
  const counted = Map.groupBy(await countRuns(deps.db), (row) => `${row.project_id}/${row.user_id}`);
  const counts = deps.counters.list();
  const all = [...counted.values()].flat();
  const projects = await projectNames(deps, [
    ...all.map((row) => row.project_id),
    ...counts.map((row) => row.projectId),
  ]);
  const users = await userNames(
    deps,
    all.map((row) => row.user_id),
  );
  for (const rows of counted.values()) {
    const labels = {
      dstack_project_name: projects.get(rows[0]?.project_id ?? "") ?? "",
      dstack_user_name: users.get(rows[0]?.user_id ?? "") ?? "",
    };
    const of = (status: string) => rows.find((row) => row.status === status)?.n ?? 0;
    out.add(
      RUN.total,
      labels,
      rows.reduce((sum, row) => sum + row.n, 0),
    );
    out.add(RUN.terminated, labels, of("terminated"));
    out.add(RUN.failed, labels, of("failed"));
    out.add(RUN.done, labels, of("done"));
  }
  for (const { projectId, runType, pending, provisioned, waitedSeconds, within } of counts) {
    const labels = { project_name: projects.get(projectId) ?? "", run_type: runType };
    for (const [at, bound] of BUCKETS.entries())
      out.add(RUN.submitToProvision, { ...labels, le: bound.toFixed(1) }, within[at], "_bucket");
    out.add(RUN.submitToProvision, { ...labels, le: "+Inf" }, provisioned, "_bucket");
    out.add(RUN.submitToProvision, labels, waitedSeconds, "_sum");
    out.add(RUN.submitToProvision, labels, provisioned, "_count");
    out.add(RUN.pending, labels, pending);
  }
};

const addJobs = async (deps: PrometheusDeps, out: Exposition): Promise<void> => {
  const jobs = await listLiveSubmissions(deps.db);
  const runs = await listRunsByIds(deps.db, [...new Set(jobs.map((job) => job.run_id))]);
  const [projects, users] = [
    await projectNames(
      deps,
      runs.map((run) => run.project_id),
    ),
    await userNames(
      deps,
      runs.map((run) => run.user_id),
    ),
  ];
  const byId = new Map(runs.map((run) => [run.id, run]));
  for (const job of jobs) {
    const run = byId.get(job.run_id);
    const resources = resourcesOf(job);
    if (!run || !resources) continue;
    const { gpus } = resources;
    const labels = {
      dstack_project_name: projects.get(run.project_id) ?? "",
      dstack_user_name: users.get(run.user_id) ?? "",
      dstack_run_name: run.name,
      dstack_run_id: run.id,
      dstack_job_name: job.job_spec.job_name,
      dstack_job_id: job.id,
      dstack_job_num: String(job.job_num),
      dstack_replica_num: String(job.replica_num),
      dstack_run_type: run.spec.configuration.type,
      dstack_backend: job.provisioning_data?.backend ?? REMOTE_BACKEND,
      dstack_gpu: gpus[0]?.name ?? "",
    };
    out.add(JOB.duration, labels, (deps.clock.now() - job.submitted_at) / 1000);
    out.add(JOB.price, labels, job.provisioning_data?.price ?? 0);
    out.add(JOB.gpuCount, labels, gpus.length);
    out.add(JOB.cpuCount, labels, resources.cpus);
    out.add(JOB.memoryTotal, labels, resources.memory_mib * MIB);
    const point = deps.usage.latestOfJob(job.id);
    if (!point) continue;
    out.add(JOB.cpuTime, labels, point.cpu_us / 1e6);
    out.add(JOB.memoryUsage, labels, point.memory_bytes);
    out.add(JOB.memoryWorkingSet, labels, point.working_set_bytes);
    addTraffic(out, JOB, { labels, point });
    addGpus(out, JOB, { labels, point, memoryMib: gpus.map((gpu) => gpu.memory_mib) });
  }
};

const addTunnels = ({ relay }: PrometheusDeps, out: Exposition): void => {
  const { links, hosts, streams, waitingBytes, opened, refusedBy, sentBytes, receivedBytes } = relay.figures;
  out.add(TUNNEL.links, { side: "client" }, links);
  out.add(TUNNEL.links, { side: "host" }, hosts);
  out.add(TUNNEL.streams, {}, streams);
  out.add(TUNNEL.waiting, {}, waitingBytes);
  out.add(TUNNEL.opened, {}, opened);
  for (const [code, count] of refusedBy) out.add(TUNNEL.refused, { code }, count);
  out.add(TUNNEL.bytes, { direction: "to_job" }, sentBytes);
  out.add(TUNNEL.bytes, { direction: "from_job" }, receivedBytes);
};

/** Whoever watches it hears of a renewal that fails long before hosts do. */
const addCertificate = ({ tls: { certificate } }: PrometheusDeps, out: Exposition): void => {
  if (!certificate) return;
  const until = Date.parse(new X509Certificate(certificate.cert).validTo);
  out.add(CERTIFICATE.expires, {}, until / 1000);
};

const resourcesOf = ({ runtime_data, provisioning_data }: SubmissionRow): Resources | undefined =>
  runtime_data?.offer?.instance.resources ?? provisioning_data?.instance_type.resources;

type Families = typeof INSTANCE | typeof JOB;

interface Sampled {
  labels: Labels;
  point: JobPoint | HostPoint;
  /** Where the driver does not tell how much there is. */
  memoryMib?: readonly number[];
}

const addTraffic = (out: Exposition, families: Families, { labels, point }: Sampled): void => {
  out.add(families.diskRead, labels, point.disk_read_bytes);
  out.add(families.diskWritten, labels, point.disk_write_bytes);
  out.add(families.received, labels, point.network_in_bytes);
  out.add(families.sent, labels, point.network_out_bytes);
};

const addGpus = (out: Exposition, families: Families, { labels, point, memoryMib = [] }: Sampled): void => {
  for (const [at, gpu] of point.gpus.entries()) {
    const own = { ...labels, dstack_gpu_num: String(at) };
    const told = memoryMib[at];
    const { utilization } = gpu;
    out.add(families.gpuUsage, own, typeof utilization === "number" ? utilization / 100 : undefined);
    out.add(families.gpuMemoryTotal, own, gpu.memory_total_bytes ?? (told ? told * MIB : undefined));
    out.add(families.gpuMemoryUsage, own, gpu.memory_bytes);
    out.add(families.gpuTemperature, own, gpu.temperature);
    out.add(families.gpuPower, own, gpu.power);
  }
};
