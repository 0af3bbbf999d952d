import init from "./migrations/0000_init.sql" with { type: "text" };
import blocks from "./migrations/0001_blocks.sql" with { type: "text" };
import numbers from "./migrations/0002_instance_numbers.sql" with { type: "text" };
import hostWishes from "./migrations/0003_host_wishes.sql" with { type: "text" };
import secrets from "./migrations/0004_secrets.sql" with { type: "text" };
import waits from "./migrations/0005_waits.sql" with { type: "text" };
import metrics from "./migrations/0006_metrics.sql" with { type: "text" };
import events from "./migrations/0007_events.sql" with { type: "text" };
import madeInstances from "./migrations/0008_made_instances.sql" with { type: "text" };
import healthChecks from "./migrations/0009_health_checks.sql" with { type: "text" };
import wire from "./migrations/0010_wire.sql" with { type: "text" };
import sshHosts from "./migrations/0011_ssh_hosts.sql" with { type: "text" };
import hostLabels from "./migrations/0012_host_labels.sql" with { type: "text" };
import usedProofs from "./migrations/0013_used_proofs.sql" with { type: "text" };
import machines from "./migrations/0014_machines.sql" with { type: "text" };

/** The SQL of every migration by its tag, as text inside the binary. */
export const MIGRATIONS: Record<string, string> = {
  "0000_init": init,
  "0001_blocks": blocks,
  "0002_instance_numbers": numbers,
  "0003_host_wishes": hostWishes,
  "0004_secrets": secrets,
  "0005_waits": waits,
  "0006_metrics": metrics,
  "0007_events": events,
  "0008_made_instances": madeInstances,
  "0009_health_checks": healthChecks,
  "0010_wire": wire,
  "0011_ssh_hosts": sshHosts,
  "0012_host_labels": hostLabels,
  "0013_used_proofs": usedProofs,
  "0014_machines": machines,
};
