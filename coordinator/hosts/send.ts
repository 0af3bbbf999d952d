import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Connection } from "./connect.ts";

/** In the user's home; one name, so that what a try has left that was cut off is found by the next one. */
export const SENT_NAME = ".dstack-agent.gz";

interface SendOptions {
  artifactsDir: string;
  /** The build for the host. */
  target: string;
  /** Absolute, on the host. */
  path: string;
  signal: AbortSignal;
}

/** Puts the agent's packed program on the host, over what an earlier try has left; answers its SHA-256. */
export const send = async (
  { client }: Connection,
  { artifactsDir, target, path, signal }: SendOptions,
): Promise<string> => {
  const name = `dstack-agent-${target}.gz`;
  const file = join(artifactsDir, name);
  const sum = await findSum(artifactsDir, name);
  const size = await stat(file).then(
    ({ size: bytes }) => bytes,
    () => undefined,
  );
  if (sum === undefined || size === undefined)
    throw new AppError("unavailable", `sending: the coordinator has no ${name}`, {
      hint: `Build it with \`bun run build --target ${target}\`, and put the files into ${artifactsDir}`,
    });
  await transfer(client, { file, path, signal });
  return sum;
};

/** A slow line may take its time, but something has to move. */
const STALLED_MS = 60_000;

const transfer = (
  client: Connection["client"],
  { file, path, signal }: { file: string; path: string; signal: AbortSignal },
): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (err: unknown) =>
      new AppError("unavailable", `sending: ${messageOf(err)}`, {
        cause: err,
        hint: "Is there room in the home folder, and does sshd have its sftp subsystem?",
      });
    const stalled = () => {
      finish(() => reject(failed(new Error(`nothing has moved for ${STALLED_MS / 1000} seconds`))));
      client.destroy();
    };
    let timer = setTimeout(stalled, STALLED_MS);
    let isOver = false;
    const moved = () => {
      clearTimeout(timer);
      if (!isOver) timer = setTimeout(stalled, STALLED_MS);
    };
    const finish = (settle: () => void) => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      client.removeListener("close", gone);
      settle();
    };
    const stop = () => finish(() => reject(signal.reason as Error));
    const gone = () => finish(() => reject(failed(new Error("the connection was lost"))));
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    client.once("close", gone);
    client.sftp((err, sftp) => {
      if (err) return finish(() => reject(failed(err)));
      // The other side's server may end while the login stays; what was asked of it is then never answered.
      sftp.once("close", () => finish(() => reject(failed(new Error("the host ended the transfer")))));
      sftp.fastPut(file, path, { mode: 0o644, step: moved }, (wrong) =>
        finish(() => {
          sftp.end();
          if (wrong) reject(failed(wrong));
          else resolve();
        }),
      );
    });
  });

/**
 * Takes it away again, whole or not; resolves also where it cannot, as on a connection that is lost: what is left there
 * is nobody's secret, and written over and taken away next time.
 */
export const removeSent = ({ client }: Connection, path: string): Promise<void> =>
  new Promise((resolve) => {
    client.once("close", () => resolve());
    try {
      client.sftp((err, sftp) => {
        if (err) return resolve();
        sftp.unlink(path, () => {
          sftp.end();
          resolve();
        });
      });
    } catch {
      // ssh2 throws where there is no connection any more.
      resolve();
    }
  });

const findSum = async (dir: string, name: string): Promise<string | undefined> => {
  const text = await readFile(join(dir, "SHA256SUMS"), "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return "";
    throw err;
  });
  return text
    .split("\n")
    .map((line) => line.split("  "))
    .find(([, file]) => file === name)?.[0];
};
