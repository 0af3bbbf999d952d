import { startSshJob } from "../../agent/testing/sshJob.ts";
import type { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import type { Lab } from "./lab.ts";

/** The lab's host, which syncs as agents do, and behind whose jobs' SSH servers is a process of this machine. */
export const startSshHost = async (lab: Lab): Promise<AsyncDisposable & { next(): Promise<void> }> => {
  await using opened = new AsyncDisposableStack();
  let job = opened.use(await startSshJob());
  lab.agent.onTunnelWanted = () =>
    void lab.agent.dialTunnel((incoming, request) => {
      const { to } = request as AgentStreamRequest;
      if (to.kind === "ssh") void job.answer(incoming, to.keys);
      else incoming.stream.reset({ code: "refused", message: "Nothing listens there" });
    });
  const stop = new AbortController();
  const syncing = (async () => {
    while (!stop.signal.aborted)
      await lab.agent.sync(5_000, stop.signal).catch((err: unknown) => {
        if (!stop.signal.aborted) throw err;
      });
  })();
  opened.defer(async () => {
    stop.abort();
    await syncing;
  });
  const closers = opened.move();
  return {
    /** From now on it is another job, with another host key. */
    next: async () => {
      job = closers.use(await startSshJob());
    },
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};
