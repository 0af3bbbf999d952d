import type { Logger } from "../../shared/log.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { JobTarget } from "../direct/grant.ts";
import type { AttachedJob } from "../jobs/runningJobs.ts";
import { answerSsh } from "./answerSsh.ts";
import { pipeToPort } from "./pipeToPort.ts";

/** Leads a stream to a job's port or shell, whichever way it has come. Rejects for what is nobody's fault but ours. */
export const serveStream = (
  incoming: IncomingStream,
  to: JobTarget,
  { job, budget, log }: { job: AttachedJob; budget: WindowBudget; log: Logger },
): Promise<void> => {
  if (to.kind === "ssh") return answerSsh(incoming, { ...to, job, budget, log });
  const network = { pid: job.account.pid, isOwn: job.account.hasNetwork };
  const { use, ended } = job;
  return pipeToPort(incoming, { network, port: to.port, budget, use, ended });
};
