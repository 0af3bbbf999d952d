import { Refusal } from "../schema/refusal.ts";
import type { GatewayConfiguration } from "./gateway.ts";
import { interpolate } from "./interpolate.ts";
import type { Note } from "./problems.ts";

export const GATEWAY_BACKENDS: readonly string[] = ["aws", "azure", "gcp", "kubernetes"];
const PRIVATE_BACKENDS = ["aws", "gcp"];
const MAX_REPLICAS = 9;

type Rules = (gateway: GatewayConfiguration, note: Note) => void;

const checkCertificate: Rules = ({ backend, certificate, public_ip, replicas, load_balancer }, note) => {
  const fail = (message: string) => note("unsupported", ["certificate"], message);
  if (certificate?.type === "lets-encrypt") {
    const why = "give certificate: null, or one of the cloud";
    if (load_balancer) fail(`Let's Encrypt does not go with a load balancer: ${why}`);
    else if (!public_ip) fail(`Let's Encrypt needs a public IP: ${why}`);
    else if ((replicas ?? 1) > 1) fail(`Let's Encrypt works for one replica: ${why}`);
  }
  if (certificate?.type === "acm" && backend !== "aws") fail("Certificates of type acm are those of aws");
  if (certificate?.type === "gcp-cm" && backend !== "gcp")
    fail("Certificates of type gcp-cm are those of gcp");
  if (certificate?.type === "gcp-cm" && !load_balancer) fail("gcp-cm needs load_balancer: {type: alb}");
};

const checkDomain: Rules = ({ domain }, note) => {
  if (domain === null) return;
  try {
    interpolate(domain, { run: { project_name: "" } });
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
    for (const { message } of err.findings) {
      note("bad_reference", ["domain"], `${message} (a domain may refer to run.project_name)`);
    }
  }
};

/** What the server refuses of a gateway for the configuration's own sake (docs/spec/configuration.md §6). */
export const checkGateway: Rules = (gateway, note) => {
  const { backend, public_ip, replicas, load_balancer } = gateway;
  if (!GATEWAY_BACKENDS.includes(backend)) {
    note(
      "unsupported",
      ["backend"],
      `Gateways are there for ${GATEWAY_BACKENDS.join(", ")}, not for ${backend}`,
    );
  }
  if (!public_ip && !PRIVATE_BACKENDS.includes(backend)) {
    note("unsupported", ["public_ip"], `Private gateways are there for ${PRIVATE_BACKENDS.join(", ")} alone`);
  }
  if ((replicas ?? 1) > MAX_REPLICAS) note("out_of_range", ["replicas"], `At most ${MAX_REPLICAS} replicas`);
  if (load_balancer && backend !== "aws" && backend !== "gcp") {
    note("unsupported", ["load_balancer"], "Load balancers are there for aws and gcp alone");
  }
  checkCertificate(gateway, note);
  checkDomain(gateway, note);
};
