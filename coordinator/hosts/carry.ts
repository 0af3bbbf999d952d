import type { Duplex } from "node:stream";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Connection } from "./connect.ts";

interface CarryOptions {
  hostname: string;
  /** The one of before, which the host's agent knows; null: any. */
  port: number | null;
  /** A connection to the coordinator, from its own machine. */
  dial: () => Duplex;
}

/** Only processes of the host come in by it. */
const LOOPBACK = "127.0.0.1";

/**
 * Has the host listen on its own loopback, for as long as the login lasts, and leads what comes there to the coordinator:
 * a host that cannot reach it by itself does so by that. Answers the port.
 */
export const carry = ({ client }: Connection, { hostname, port, dial }: CarryOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    client.on("tcp connection", (_details, accept) => {
      const channel = accept();
      const socket = dial();
      // What fails on one side ends on the other; whoever has dialled tries again.
      channel.on("error", () => socket.destroy());
      socket.on("error", () => channel.destroy());
      channel.on("close", () => socket.destroy());
      socket.on("close", () => channel.destroy());
      channel.pipe(socket).pipe(channel);
    });
    client.forwardIn(LOOPBACK, port ?? 0, (err, bound) => {
      if (!err) return resolve(bound ?? port ?? 0);
      reject(
        new AppError("unavailable", `carrying: ${hostname} lets nothing listen for it: ${messageOf(err)}`, {
          hint: `It cannot reach the coordinator, so that its sshd has to allow it (AllowTcpForwarding)${port === null ? "" : `, and port ${port} has to be free there`}`,
          cause: err,
        }),
      );
    });
  });
