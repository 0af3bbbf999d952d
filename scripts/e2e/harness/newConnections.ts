import { waitFor } from "../../../shared/testing/waitFor.ts";
import { type Place, startProgram } from "./program.ts";

export interface NewConnectionsOptions {
  place: Place;
  logFile: string;
  /** Addresses, or networks as `198.51.100.0/24`: who opens a connection to them is seen. */
  towards: readonly string[];
}

/** Watches, at one place, for connections that are opened towards some addresses. */
export interface NewConnections extends AsyncDisposable {
  /** `IP:PORT` that each was to, in their order, since the watch began. */
  seen(): string[];
  /** Resolves when one to there was seen; whatever was opened earlier is in `seen` then. */
  waitForOne(to: string): Promise<void>;
}

/** First packets of TCP connections, refused ones too. */
const FIRST = "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn";

export const watchNewConnections = async ({
  place,
  logFile,
  towards,
}: NewConnectionsOptions): Promise<NewConnections> => {
  const there = towards.map((address) => `dst net ${address}`).join(" or ");
  const program = startProgram({
    name: "tcpdump",
    command: [
      "tcpdump",
      "-i",
      "any",
      "-n",
      "-l",
      "--immediate-mode",
      "-Z",
      "root",
      `${FIRST} and (${there})`,
    ],
    logFile,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    cwd: "/",
    place,
  });
  await program.waitForOutput(/listening on/);
  const seen = () => [
    ...new Set(
      [...program.output().matchAll(/ > ([\d.]+)\.(\d+): Flags/g)].map(([, ip, port]) => `${ip}:${port}`),
    ),
  ];
  return {
    seen,
    waitForOne: async (to) =>
      void (await waitFor(`a connection to ${to}`, () => seen().includes(to), 20_000)),
    [Symbol.asyncDispose]: async () => void (await program.stop()),
  };
};
