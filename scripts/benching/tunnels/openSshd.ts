import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import type { Host } from "../../e2e/harness/network.ts";
import { run, runOk, startProgram } from "../../e2e/harness/program.ts";
import { JOB_PORTS } from "./jobSide.ts";
import type { Way } from "./traffic.ts";

/** OpenSSH's server on a host, and its client here, with keys and settings of their own. */
export interface Sshd extends AsyncDisposable {
  /** `ssh` to it, for arguments to follow. */
  readonly command: readonly string[];
  readonly destination: string;
  /** `ssh -L` for each port of a job. */
  forward(): Promise<Way & AsyncDisposable>;
}

/** Debian's openssh-server; it starts itself anew for each connection, and wants its whole path for that. */
export const SSHD = "/usr/sbin/sshd";
/** The folder that it gives up its rights in; Debian's own unit makes it. */
const PRIVILEGE_SEPARATION = "/run/sshd";

/** With OpenSSH's defaults in all that costs time. Needs root. */
export const openSshd = async (host: Host, dir: string): Promise<Sshd> => {
  mkdirSync(dir, { recursive: true });
  mkdirSync(PRIVILEGE_SEPARATION, { recursive: true });
  const keyOf = async (name: string) => {
    const file = join(dir, name);
    await runOk(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file]);
    return file;
  };
  const [hostKey, userKey] = [await keyOf("host"), await keyOf("user")];
  const port = await freePort();
  const settings = {
    Port: port,
    ListenAddress: host.ip,
    HostKey: hostKey,
    AuthorizedKeysFile: `${userKey}.pub`,
    PidFile: "none",
    UsePAM: "no",
    // The keys are in a folder of this test's, whoever may write there.
    StrictModes: "no",
    PermitRootLogin: "yes",
    PrintMotd: "no",
  };
  const file = join(dir, "sshd_config");
  writeFileSync(
    file,
    Object.entries(settings)
      .map((pair) => `${pair.join(" ")}\n`)
      .join(""),
  );
  const logFile = join(dir, "sshd.log");
  await using undo = new AsyncDisposableStack();
  undo.use(
    startProgram({
      name: "sshd",
      command: [SSHD, "-D", "-e", "-f", file],
      logFile,
      env: {},
      cwd: dir,
      place: host,
    }),
  );
  const options = { UserKnownHostsFile: "/dev/null", StrictHostKeyChecking: "no", LogLevel: "ERROR" };
  const command = ["ssh", "-F", "none", "-i", userKey, "-p", `${port}`].concat(
    Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
  );
  const destination = `root@${host.ip}`;
  await waitFor("sshd", async () => (await run([...command, destination, "true"])).code === 0, 20_000);
  const forward = async () => {
    const local = new Map<number, number>();
    for (const remote of Object.values(JOB_PORTS)) local.set(remote, await freePort());
    const forwards = [...local].flatMap(([remote, here]) => ["-L", `${here}:127.0.0.1:${remote}`]);
    const program = startProgram({
      name: "ssh -L",
      command: [
        ...command,
        "-v",
        "-N",
        "-o",
        "ExitOnForwardFailure=yes",
        "-o",
        "LogLevel=VERBOSE",
        ...forwards,
        destination,
      ],
      logFile: join(dir, "ssh.log"),
      env: {},
      cwd: dir,
    });
    await program.waitForOutput(/Authenticated to/);
    const port = (remote: number) => local.get(remote) ?? 0;
    return {
      name: "ssh -L",
      hostname: "127.0.0.1",
      port,
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  };
  const cleanUp = undo.move();
  return { command, destination, forward, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};
