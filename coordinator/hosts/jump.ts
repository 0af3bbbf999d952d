import { AppError, messageOf } from "../../shared/errors.ts";
import { type Connection, connect } from "./connect.ts";
import type { HostProgress, HostTarget, Login } from "./target.ts";

interface LoginOptions {
  note: (progress: HostProgress) => Promise<void>;
  signal: AbortSignal;
}

/** Logs in to the host, through another one where there is one; disposing ends both. */
export const logIn = async (
  { login, jump }: Pick<HostTarget, "login" | "jump">,
  { note, signal }: LoginOptions,
): Promise<Connection> => {
  await using undo = new AsyncDisposableStack();
  const through = jump ? undo.use(await connect(jump, { signal })) : undefined;
  if (through && jump?.knownKey !== through.hostKey) await note({ jumpHostKey: through.hostKey });
  const way = through && jump ? { through: await forward(through, jump, login) } : {};
  const connection = undo.use(await connect(login, { ...way, signal }));
  // Before anything is said to it: after a crash the same host is expected.
  if (login.knownKey !== connection.hostKey) await note({ hostKey: connection.hostKey });
  const cleanUp = undo.move();
  return { ...connection, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

const forward = ({ client }: Connection, jump: Login, { hostname, port }: Login) =>
  new Promise<import("node:stream").Duplex>((resolve, reject) => {
    client.forwardOut("127.0.0.1", 0, hostname, port, (err, channel) => {
      if (!err) return resolve(channel);
      const refused = `connecting: ${jump.hostname} makes no connection to ${hostname}:${port}: ${messageOf(err)}`;
      reject(
        new AppError("unavailable", refused, {
          hint: `Can ${jump.hostname} reach it, and does its sshd allow that (AllowTcpForwarding)?`,
          cause: err,
        }),
      );
    });
  });
