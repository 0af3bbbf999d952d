import type { AppSpec } from "../../shared/api/jobs.ts";
import { AppError } from "../../shared/errors.ts";
import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import type { Context } from "../context.ts";
import type { JobLink } from "./jobLink.ts";
import { type BoundPort, LocalPorts, type PortForward, PortInUse } from "./localPorts.ts";

/** What the configuration's port is to be here, in place of what it says. */
export interface PortMapping {
  readonly local_port: number | null;
  readonly container_port: number;
}

/** The ports of a job, as they are to be here. Refuses a mapping of a port that the job does not have. */
export const forwardsOf = (
  apps: readonly Pick<AppSpec, "port" | "map_to_port">[],
  mappings: readonly PortMapping[] = [],
): PortForward[] => {
  for (const { container_port: port } of mappings)
    if (!apps.some((app) => app.port === port))
      throw new AppError("invalid", `Cannot override port ${port} not exposed by the run`);
  return apps.map(({ port, map_to_port: mapped }) => {
    const mapping = mappings.findLast((one) => one.container_port === port);
    return { remote: port, local: (mapping ? mapping.local_port : mapped) ?? undefined };
  });
};

/** Binds them, or says which one is taken and what to do (docs/spec/cli.md §4, step 10, and §6.1). */
export const bindPorts = (
  forwards: readonly PortForward[],
  { host, failed, command }: { host: string | undefined; failed: string; command: string },
): LocalPorts => {
  try {
    return new LocalPorts(forwards, host);
  } catch (err) {
    if (!(err instanceof PortInUse)) throw err;
    throw new AppError(
      "conflict",
      `${failed}: ${err.message}. Use -p in ${command} to override the local port mapping, e.g. -p ${err.port + 1}:${err.remote}.`,
      { cause: err },
    );
  }
};

/** Local ports that lead to a job as long as somebody is attached. */
export class JobPorts implements Disposable {
  readonly #ctx: Context;
  readonly #local: LocalPorts;
  readonly #told = new Set<string>();

  constructor(ctx: Context, local: LocalPorts) {
    this.#ctx = ctx;
    this.#local = local;
  }

  /** Whoever has come before waits until now. */
  connect(link: JobLink): void {
    this.#local.connect({
      open: (port) => link.open({ kind: "port", port }),
      failed: (failure) => this.#tell(failure),
    });
  }

  get bound(): readonly BoundPort[] {
    return this.#local.bound;
  }

  get host(): string {
    return this.#local.host;
  }

  /** For people: which port is where; nothing where there are none. */
  lines(): string[] {
    const { bound, host } = this.#local;
    if (bound.length === 0) return [];
    const lines = bound.map(({ local, remote }) => `  - ${host}:${local} -> ${remote}`);
    return ["Forwarded ports (local -> remote):", ...lines];
  }

  [Symbol.dispose](): void {
    this.#local[Symbol.dispose]();
  }

  /** What is wrong with more than one connection is said once; that nobody listens there yet is no news. */
  #tell({ code, message }: StreamFailure): void {
    if (code === "refused" || code === "aborted" || this.#told.has(message)) return;
    this.#told.add(message);
    this.#ctx.err.write(`A connection to the job failed: ${message}\n`);
  }
}
