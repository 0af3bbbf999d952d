/** What runs in a job to be measured through: ports that send, echo and greet. Prints "up". */
const PIECE = new Uint8Array(1 << 20);

/** In the job's network, at its loopback as services are, and at its address for who comes straight. */
export const JOB_PORTS = { source: 7_100, echo: 7_101, greeter: 7_102 } as const;

if (import.meta.main) {
  const serve = (port: number, socket: Bun.SocketHandler<undefined>) =>
    Bun.listen<undefined>({ hostname: "0.0.0.0", port, socket });
  const pour = (socket: Bun.Socket<undefined>): void => {
    while (socket.write(PIECE) === PIECE.length);
  };
  serve(JOB_PORTS.source, { open: pour, drain: pour, data: () => {} });
  // Whoever asks waits for the answer: there is never more than fits.
  serve(JOB_PORTS.echo, { data: (socket, bytes) => void socket.write(bytes) });
  serve(JOB_PORTS.greeter, { open: (socket) => void socket.write("!"), data: () => {} });
  process.stdout.write("up\n");
}
