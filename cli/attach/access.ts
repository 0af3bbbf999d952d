import { isIP } from "node:net";
import type { JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import type { Context } from "../context.ts";
import { openAlias } from "../ssh/aliases.ts";
import type { Identities } from "../ssh/identity.ts";
import { includeAliases } from "../ssh/include.ts";
import { jobSsh } from "../ssh/jobSsh.ts";
import type { Route } from "../tunnel/direct/wishedWay.ts";
import { JobLink } from "../tunnel/jobLink.ts";
import type { JobPorts } from "../tunnel/jobPorts.ts";
import type { ReversePorts } from "../tunnel/reversePorts.ts";
import type { Outage } from "./outage.ts";
import type { UrlMap } from "./urls.ts";
import { findJob, jobOf, type WantedJob } from "./wantedJob.ts";

interface Wish {
  readonly wanted: WantedJob;
  /** Bound already; undefined: none. */
  readonly ports: JobPorts | undefined;
  readonly identities: Identities;
  /** Ports of the job that are to lead here; undefined: none. */
  readonly reverse?: ReversePorts | undefined;
}

/** What there is of a job on this machine, once it runs. */
export interface Opened {
  /** Undefined: nothing leads there but what `ssh` opens by itself. */
  readonly route: Route | undefined;
  /** What to call after `ssh`; undefined: it could not be made. */
  readonly alias: string | undefined;
}

/** The ways to a job on this machine, as long as somebody is attached to it: ports, and a name for `ssh`. */
export class JobAccess implements Disposable {
  readonly ports: JobPorts | undefined;
  readonly reverse: ReversePorts | undefined;
  readonly #ctx: Context;
  readonly #api: Api;
  readonly #identities: Identities;
  readonly #link: JobLink;
  readonly #closing = new DisposableStack();
  #wanted: WantedJob;
  #urls: UrlMap | undefined;
  #alias: string | undefined;

  constructor(ctx: Context, api: Api, { wanted, ports, identities, reverse }: Wish) {
    this.#ctx = ctx;
    this.#api = api;
    this.#wanted = wanted;
    this.#identities = identities;
    this.ports = ports;
    this.reverse = reverse;
    this.#link = this.#closing.use(
      new JobLink(ctx, api, (route) => ctx.err.write(`Connected via ${route}\n`)),
    );
    if (ports) this.#closing.use(ports);
    if (reverse) this.#closing.use(reverse);
    this.#closing.use(ctx.onTermination(() => this[Symbol.dispose]()));
  }

  get wanted(): WantedJob {
    return this.#wanted;
  }

  /** Undefined: no port of the job is here. */
  get urls(): UrlMap | undefined {
    return this.#urls;
  }

  /** Begins to dial, while the job may still have to be started. */
  begin(outage: Outage): void {
    if (this.ports || this.reverse) this.#link.begin(outage);
  }

  /** Leads to the newest attempt from now on. */
  follow(run: Run): void {
    const submission = findJob(run, this.#wanted)?.job_submissions.at(-1);
    if (!submission || submission.id === this.#link.submissionId) return;
    const isFirst = this.#link.submissionId === "";
    this.#link.follow(submission.id);
    if (isFirst) this.ports?.connect(this.#link);
    if (this.ports && this.ports.bound.length > 0) this.#urls = urlsOf(this.ports, submission);
  }

  /** The job runs. Throws where there is no way to its ports. */
  async open(run: Run): Promise<Opened> {
    const { replica_num: replica, job_num: job } = jobOf(run, this.#wanted).job_spec;
    // The others may begin and end: this one is followed, through all attempts at it.
    this.#wanted = { replica, job };
    const isLinked = this.ports !== undefined || this.reverse !== undefined;
    const [route] = await Promise.all([
      isLinked ? this.#link.ready() : undefined,
      this.#openAlias(run),
      this.#openReverse(run),
    ]);
    return { route, alias: this.#alias };
  }

  renew(): void {
    this.#link.renew();
  }

  [Symbol.dispose](): void {
    this.#closing[Symbol.dispose]();
  }

  async #openReverse(run: Run): Promise<void> {
    if (!this.reverse) return;
    const files = await this.#identities.filesFor(run.run_spec.ssh_key_pub);
    await this.#link.ready();
    await this.reverse.open(this.#link, files);
  }

  /** What stands in the way of `ssh` is no reason to be without ports and output. */
  async #openAlias(run: Run): Promise<void> {
    if (this.#alias || this.#closing.disposed) return;
    const ctx = this.#ctx;
    try {
      const identities = await this.#identities.filesFor(run.run_spec.ssh_key_pub);
      if (this.#closing.disposed) return;
      const { alias, options } = jobSsh(ctx, this.#api, { run, job: jobOf(run, this.#wanted), identities });
      const opened = openAlias(ctx.home, { host: alias, options });
      this.#closing.defer(() => this.#closeAlias(opened));
      this.#alias = alias;
      const warning = includeAliases(ctx.home);
      if (warning) ctx.err.write(`${warning}. \`ssh -F ~/.dstack/ssh/config ${alias}\` works all the same\n`);
    } catch (err) {
      ctx.err.write(`There is no \`ssh ${run.run_spec.run_name}\` now: ${messageOf(err)}\n`);
    }
  }

  /** Whoever attaches next takes away what cannot be taken away now. */
  #closeAlias(alias: Disposable): void {
    try {
      alias[Symbol.dispose]();
    } catch (err) {
      this.#ctx.log("WARNING", `The alias could not be removed: ${messageOf(err)}`);
    }
  }
}

const LOOPBACK = ["localhost", "0.0.0.0", "127.0.0.1"];

/** How programs of the job name their ports in what they print, and where those are. */
const urlsOf = ({ bound, host: here }: JobPorts, { job_provisioning_data: host }: JobSubmission): UrlMap => ({
  here: addressOf(here),
  local: new Map(bound.map(({ local, remote }) => [remote, local])),
  hosts: [...LOOPBACK, ...[host?.hostname, host?.internal_ip].filter((one) => isIP(one ?? "") === 4)].flatMap(
    (one) => one ?? [],
  ),
});

const LISTENS_AT_LOOPBACK = ["localhost", "0.0.0.0", "::", "[::]"];

/** As it stands in a URL. */
const addressOf = (host: string): string => {
  if (LISTENS_AT_LOOPBACK.includes(host)) return "127.0.0.1";
  return isIP(host) === 6 ? `[${host}]` : host;
};
