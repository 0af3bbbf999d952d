import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import { systemClock } from "../../../shared/clock.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { Dialler, tunnelUrl } from "../../../shared/tunnel/dialler.ts";
import { WindowBudget } from "../../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../../shared/tunnel/streamDuplex.ts";

export interface GuestOptions {
  url: string;
  token: string;
  project?: string;
}

export const tunnelOf = ({ url, project = "main" }: Pick<GuestOptions, "url" | "project">): string =>
  tunnelUrl(url, `/api/project/${project}/runs/tunnel`);

/** Somebody who speaks the tunnel's protocol by hand, and asks for whatever they like. */
export class TunnelGuest implements Disposable {
  readonly dialler: Dialler;
  closed: string | undefined;

  constructor(options: GuestOptions) {
    this.dialler = new Dialler({
      url: tunnelOf(options),
      headers: () => ({ authorization: `Bearer ${options.token}` }),
      clock: systemClock,
      resumeMs: 2_000,
      maxStreams: 10_000,
      onStream: () => {},
      onClosed: (reason) => {
        this.closed = reason;
      },
    });
  }

  /** `accepted`, or the code and the words of a refusal; the stream stays. `ended` is called with why it broke. */
  knock(request: unknown, ended: (why: string) => void = () => {}): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.dialler.mux.open(request).handle({
      accepted: () => resolve("accepted"),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure) => {
        const why = `${failure?.code}: ${failure?.message}`;
        resolve(why);
        ended(why);
      },
    });
    return promise;
  }

  duplex(request: unknown): Duplex {
    const duplex = new StreamDuplex(this.dialler.mux.open(request), {
      budget: new WindowBudget(16 * 1024 * 1024),
    });
    duplex.setMaxListeners(0);
    return duplex;
  }

  /** Logged in to a job by SSH, through this tunnel. */
  async ssh(request: unknown, privateKey: string): Promise<ssh2.Client> {
    const client = new ssh2.Client();
    const { promise, resolve, reject } = Promise.withResolvers<ssh2.Client>();
    client.once("ready", () => resolve(client)).on("error", reject);
    client.connect({ sock: this.duplex(request), username: "job", privateKey });
    return promise;
  }

  async isUp(): Promise<void> {
    await waitFor("the tunnel", () => this.dialler.mux.isUp);
  }

  [Symbol.dispose](): void {
    this.dialler[Symbol.dispose]();
  }
}

/** Everything that a job's SFTP server lets somebody read of a path. */
export const readOverSftp = async (client: ssh2.Client, path: string): Promise<string> => {
  const sftp = await openSftp(client);
  return new Promise((resolve) =>
    sftp.readFile(path, (err, bytes) => resolve(err ? `refused: ${err.message}` : bytes.toString())),
  );
};

export const openSftp = (client: ssh2.Client): Promise<ssh2.SFTPWrapper> =>
  new Promise((resolve, reject) => client.sftp((err, opened) => (err ? reject(err) : resolve(opened))));

export const execOver = (client: ssh2.Client, command: string): Promise<string> =>
  new Promise((resolve, reject) =>
    client.exec(command, (err, channel) => {
      if (err) return reject(err);
      let heard = "";
      channel.on("data", (bytes: Buffer) => {
        heard += bytes.toString();
      });
      channel.on("close", () => resolve(heard));
    }),
  );
