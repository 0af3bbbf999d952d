import type { Logger } from "../../shared/log.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";
import type { AttachedJob } from "../jobs/runningJobs.ts";

export interface SshAsked {
  job: AttachedJob;
  keys: readonly string[];
  user: string | null;
  budget: WindowBudget;
  log: Logger;
}

/** Speaks SSH on a stream, as the server of one job. Its host key is in what the stream is accepted with. */
export const answerSsh = async ({ stream, accept }: IncomingStream, asked: SshAsked): Promise<void> => {
  const { job, keys, user, budget, log } = asked;
  const transport = new StreamDuplex(stream, { budget });
  // Loaded only where somebody logs in.
  const [{ hostKeyIn }, { serveSsh }] = await Promise.all([
    import("../../shared/ssh/hostKey.ts"),
    import("../ssh/serveSsh.ts"),
  ]);
  const hostKey = hostKeyIn(job.dir);
  const network = { pid: job.account.pid, isOwn: job.account.hasNetwork };
  const { shell, output, use, ended } = job;
  serveSsh(transport, { hostKey, keys, user, shell, output, use, network, ended, log });
  accept({ host_key: hostKey.public });
};
