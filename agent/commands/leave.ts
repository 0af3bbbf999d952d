import { AppError, messageOf } from "../../shared/errors.ts";
import { LeaveAnswer } from "../../shared/protocol/leave.ts";
import type { Config } from "../config.ts";
import { askAgent } from "../control/client.ts";
import { DrainAnswer, LeaveControlAnswer } from "../control/messages.ts";
import { callJson, codeOf } from "../link/client.ts";
import { removeIdentity } from "../link/identity.ts";
import { SYSTEM_TRUST, tlsOf } from "../link/trust.ts";
import { type CommandIo, waitForJobs } from "./drain.ts";
import { countJobs, getIdentity } from "./notRunning.ts";

/**
 * Takes this host out of its fleet for good: no new jobs, the coordinator is told, the identity goes. Waits for the
 * jobs that are here; with `--force` they are killed. Without an agent it does the same, where no job is left.
 */
export const leave = async (config: Config, io: CommandIo): Promise<void> => {
  const { stateDir, force } = config;
  const { instance_name: name, url } = getIdentity(stateDir);
  if (!force) {
    const reason = "The host leaves its fleet";
    const drained = await askAgent(stateDir, { command: "drain", body: { reason }, answer: DrainAnswer });
    if (drained) await waitForJobs(stateDir, io);
    if (io.signal.aborted) throw new AppError("conflict", "Given up; the host takes no new jobs meanwhile");
  }
  const left =
    (await askAgent(stateDir, { command: "leave", body: { force }, answer: LeaveControlAnswer })) ??
    (await leaveWithoutAgent(config, io));
  if (left.is_told) io.say(`This host has left ${url}; the instance ${name} is removed`);
  else
    io.say(`This host has left ${url}, which could not be told: remove the instance ${name} there by hand`);
};

const leaveWithoutAgent = async ({ stateDir, force, caFile }: Config, { signal, say }: CommandIo) => {
  const jobs = countJobs(stateDir);
  if (jobs === undefined)
    throw new AppError("conflict", "Cannot leave: the agent on this host does not answer", {
      hint: "Wait until it has started, or stop it",
    });
  if (jobs > 0)
    throw new AppError("conflict", `Cannot leave: ${jobs} jobs are on this host, and no agent runs`, {
      hint: "Start the agent and leave again; with --force it kills them",
    });
  const identity = getIdentity(stateDir);
  let isTold = true;
  try {
    const tls = tlsOf(identity.trust ?? SYSTEM_TRUST, caFile);
    const link = { url: identity.url, token: () => identity.credential.token, tls: () => tls };
    await callJson(link, { path: "/leave", json: { force }, signal }, LeaveAnswer);
  } catch (err) {
    // Forgotten there already, or the credential has expired; the latter host is found by the silence it keeps.
    if (codeOf(err) !== "unauthenticated" && !force) throw err;
    isTold = false;
    say(`The coordinator could not be told: ${messageOf(err)}`);
  }
  removeIdentity(stateDir);
  return { is_told: isTold };
};
