import type { Duplex } from "node:stream";
import type { Connection, ServerChannel, TcpipRequestInfo } from "ssh2";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { JobOutput } from "../jobs/runningJobs.ts";
import { dialPort, type JobNetwork } from "../tunnel/dialPort.ts";
import { LOGS_PORT, serveLogs } from "../tunnel/logsWs.ts";
import type { Channels } from "./channels.ts";
import { Outlet } from "./outlet.ts";
import { pipeChannel } from "./pipeChannel.ts";

export interface ForwardDeps {
  network: JobNetwork;
  output: JobOutput;
  transport: Duplex;
  channels: Channels;
  ended: AbortSignal;
  log: Logger;
}

/** The job's own: where anything else leads is for the host's network to say, which is not the job's to use. */
const LOOPBACK = /^(localhost|127\.0\.0\.1|::1|0\.0\.0\.0|)$/;

/** Ports of the job for the client (`ssh -L`, `-D`), and of them the one that is the agent's own. */
export const serveForwards = (client: Connection, deps: ForwardDeps): void => {
  const { channels, network, transport, log } = deps;
  client.on("tcpip", (accept, reject, { destIP, destPort }: TcpipRequestInfo) => {
    if (channels.isFull || !LOOPBACK.test(destIP)) return reject();
    const take = () => {
      const channel = accept();
      // Whoever only reads what the job prints does not use it.
      channels.opened(channel, { isUse: destPort !== LOGS_PORT });
      channel.on("error", (err: Error) => log.debug("A channel broke", { reason: err.message }));
      return channel;
    };
    if (destPort === LOGS_PORT) return void answerLogs(take(), deps);
    dialPort(network, destPort)
      .then(async (fd) => {
        if (fd === undefined) return reject();
        const pipe = pipeChannel(take(), transport);
        await Bun.connect({ fd, allowHalfOpen: true, socket: { ...pipe, error: pipe.close } });
      })
      .catch((err: unknown) => {
        log.warn("A port of a job cannot be forwarded", { port: destPort, reason: messageOf(err) });
        reject();
      });
  });
};

const answerLogs = async (channel: ServerChannel, deps: ForwardDeps): Promise<void> => {
  const { output, transport, ended, log } = deps;
  const outlet = new Outlet(channel, transport);
  const input = channel.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  try {
    await serveLogs(input, { output, ended, write: (bytes) => outlet.write(bytes), closed: outlet.closed });
  } catch (err) {
    log.debug("A job's output can be sent no further", { reason: messageOf(err) });
  } finally {
    channel.end();
  }
};
