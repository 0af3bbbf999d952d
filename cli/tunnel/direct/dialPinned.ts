import type { Socket, TLSSocket } from "bun";
import type { DirectOffer } from "../../../shared/protocol/direct.ts";
import { ByteConnection, type ConnectionOwner } from "../../../shared/tunnel/byteConnection.ts";

export interface PinnedOwner extends ConnectionOwner {
  gone(): void;
}

interface Pinned {
  connection: ByteConnection | undefined;
}

/**
 * Dials all addresses at once; the first to show exactly the certificate that is expected is who is meant, whatever its
 * address, and nobody else is told anything. Undefined: there was none before the signal aborted.
 */
export const dialPinned = async (
  { addresses, port, certificate }: DirectOffer,
  { owner, signal }: { owner: PinnedOwner; signal: AbortSignal },
): Promise<ByteConnection | undefined> => {
  const pin = Buffer.from(certificate, "base64");
  const found = Promise.withResolvers<ByteConnection | undefined>();
  let isSettled = false;
  const settle = (connection: ByteConnection | undefined) => {
    isSettled = true;
    found.resolve(connection);
  };
  const onAbort = () => settle(undefined);
  signal.addEventListener("abort", onAbort, { once: true });

  const greeted = (socket: Socket<Pinned>): void => {
    if (isSettled || !isThe(pin, socket)) {
      socket.terminate();
      return;
    }
    const connection = new ByteConnection(socket, owner);
    socket.data.connection = connection;
    settle(connection);
  };
  const dial = async (hostname: string): Promise<void> => {
    try {
      await Bun.connect<Pinned>({
        hostname,
        port,
        data: { connection: undefined },
        // Not whose it is by some authority's word, but which one it is: looked at before anything is said.
        tls: { rejectUnauthorized: false },
        socket: {
          open: (socket) => {
            if (isSettled) socket.terminate();
          },
          handshake: greeted,
          data: (socket, bytes) => socket.data.connection?.data(bytes),
          drain: (socket) => socket.data.connection?.drain(),
          close: (socket) => {
            if (socket.data.connection) owner.gone();
          },
          error: (socket) => socket.terminate(),
          connectError: () => {},
        },
      });
    } catch {
      // Not there: it may be at another address.
    }
  };
  for (const address of addresses) void dial(address);
  try {
    return await found.promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

const isThe = (pin: Buffer, socket: Socket<Pinned>): boolean => {
  const shown = (socket as unknown as TLSSocket).getPeerX509Certificate();
  return shown !== undefined && pin.equals(shown.raw);
};
