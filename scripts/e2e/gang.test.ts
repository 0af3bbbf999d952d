/** Tasks of several nodes, each on a host in a network of its own, which find each other by the job's variables. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Run } from "../../shared/api/runs.ts";
import { type Cluster, openCluster } from "./harness/cluster.ts";
import { commandEnded } from "./harness/jobs.ts";
import { processesWith } from "./harness/leftovers.ts";
import { describeWith, hasProgram, NEEDS_CLUSTER } from "./harness/requirements.ts";

/**
 * What a launcher like torchrun does at first: every node connects to the master's port, tells its rank, and goes on
 * when the master has all of them and says so. The addresses are those that the connections come from.
 */
const RENDEZVOUS = `
import os, socket, time
rank, size = int(os.environ["DSTACK_NODE_RANK"]), int(os.environ["DSTACK_NODES_NUM"])
master, ips = os.environ["DSTACK_MASTER_NODE_IP"], os.environ["DSTACK_NODES_IPS"].split("\\n")
assert len(ips) == size and ips[0] == master and len(set(ips)) == size
if rank == 0:
    server = socket.create_server((master, 29500))
    server.settimeout(30)
    there = {0: (None, master)}
    while len(there) < size:
        peer, (ip, _) = server.accept()
        there[int(peer.makefile().readline())] = (peer, ip)
    assert [there[n][1] for n in range(size)] == ips
    for peer, _ in there.values():
        if peer: peer.sendall(b"go\\n")
else:
    for _ in range(100):
        try:
            link = socket.create_connection((master, 29500), 5, source_address=(ips[rank], 0))
            break
        except OSError:
            time.sleep(0.1)
    link.settimeout(30)
    link.sendall(f"{rank}\\n".encode())
    assert link.makefile().readline() == "go\\n"
print(f"node {rank} of {size} is through")
`;

const rendezvous = `${Bun.which("python3") ?? "python3"} -c "$RENDEZVOUS"`;

describeWith(NEEDS_CLUSTER, "tasks of several nodes", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await openCluster(4);
  }, 60_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  const apply = (text: string) =>
    cluster.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: text });

  test.skipIf(!hasProgram("python3")).each([2, 4])(
    "%d nodes meet at the master",
    async (nodes) => {
      const { client } = cluster.coordinator;
      const name = `meet-${nodes}`;
      await apply(cluster.task(name, [rendezvous], { nodes, env: { RENDEZVOUS } }));
      const run = await client.waitForEnd(name, 60_000);
      expect(run).toMatchObject({ status: "done", termination_reason: "all_jobs_done" });
      expect(new Set(run.jobs.map(addressOf)).size).toBe(nodes);
      for (let rank = 0; rank < nodes; rank++)
        expect(await client.dstackOk(["logs", name, "--job", String(rank)])).toContain(
          `node ${rank} of ${nodes} is through`,
        );
    },
    90_000,
  );

  test("a node that never starts fails the task, and nothing of it is left anywhere", async () => {
    const { client } = cluster.coordinator;
    const [silent] = cluster.hosts;
    silent?.agent.program.freeze();
    try {
      await apply(cluster.task("lame", ["sleep 1000"], { nodes: 4 }));
      const run = await client.waitForEnd("lame", 90_000);
      expect(run).toMatchObject({ status: "failed", termination_reason: "job_failed" });
      const reasons = run.jobs.map((job) => job.job_submissions.at(-1)?.termination_reason).sort();
      expect(reasons).toEqual([
        "instance_unreachable",
        "terminated_by_server",
        "terminated_by_server",
        "terminated_by_server",
      ]);
    } finally {
      silent?.agent.program.thaw();
    }
    await commandEnded("lame");
    expect(processesWith("DSTACK_RUN_NAME=lame\0")).toEqual([]);
    await apply(cluster.task("after", ["true"], { nodes: 4 }));
    expect(await client.waitForEnd("after", 60_000)).toMatchObject({ status: "done" });
  }, 180_000);

  test("one that is too large waits for the hosts, and tells why", async () => {
    const { client } = cluster.coordinator;
    await apply(cluster.task("busy", ["sleep 4"]));
    await apply(cluster.task("large", ["true"], { nodes: 4, retry: true }));
    const run = await client.getRun("large");
    if (run.status === "pending") {
      expect(run.queue?.position).toBe(1);
      expect(run.queue?.reason).toContain("4 free hosts of one fleet are needed");
      expect(await client.dstackOk(["ps", "-v"])).toContain("#1 in the queue");
    }
    expect(await client.waitForEnd("large", 60_000)).toMatchObject({ status: "done" });
  }, 90_000);
});

const addressOf = (job: Run["jobs"][number]) =>
  job.job_submissions.at(-1)?.job_provisioning_data?.internal_ip;
