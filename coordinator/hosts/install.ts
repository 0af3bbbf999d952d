import { AppError } from "../../shared/errors.ts";
import type { Connection } from "./connect.ts";
import { type Ended, exec } from "./exec.ts";
import { commandFor, inputFor, type Sudo } from "./remoteScript.ts";
import type { HostTarget } from "./target.ts";

/** A slow line may take its time with 55 MB. */
const INSTALL_MS = 15 * 60_000;
const PASSWORD_MS = 30_000;

interface InstallOptions {
  target: HostTarget;
  script: string;
  sudo: Sudo;
  /** The program, where it was sent. */
  sent: { path: string; sum: string } | undefined;
  signal: AbortSignal;
}

/** Runs install.sh there; it joins the host, and starts the agent. */
export const install = async (
  connection: Connection,
  { target, script, sudo, sent, signal }: InstallOptions,
): Promise<void> => {
  const { url, token, env, login, sudoPassword } = target;
  const input = inputFor({
    script,
    sudo,
    password: sudoPassword,
    env: { ...env, DSTACK_JOIN_TOKEN: token },
    args: [
      ...["--url", url, "--name", login.hostname],
      ...(sent ? ["--program", sent.path, "--sum", sent.sum] : []),
    ],
  });
  const options = { input, step: "installing", timeoutMs: INSTALL_MS, signal };
  const ended = await exec(connection, commandFor(sudo), options);
  if (ended.code !== 0) throw whyNotInstalled(login.hostname, ended);
};

/** A wrong one is given up at once: accounts are locked for less. */
export const checkPassword = async (
  connection: Connection,
  { login: { hostname, user }, sudoPassword }: HostTarget,
  signal: AbortSignal,
): Promise<void> => {
  const { code, stderr } = await exec(connection, 'exec sudo -k -S -p "" true', {
    input: `${sudoPassword}\n`,
    step: "looking",
    timeoutMs: PASSWORD_MS,
    signal,
  });
  if (code === 0) return;
  throw new AppError(
    "forbidden",
    `looking: sudo on ${hostname} does not let ${user} in with this password: ${lastLine(stderr)}`,
    { hint: "Apply again, with the right one; or allow it without a password (NOPASSWD in /etc/sudoers)" },
  );
};

/** What the installer says of itself, else whatever was said last. */
const whyNotInstalled = (hostname: string, { code, stdout, stderr }: Ended): AppError => {
  const lines = stderr.trim().split("\n");
  const at = lines.findLastIndex((line) => /^(?:install\.sh|dstack-agent): /.test(line));
  const said = (lines[at] ?? (lastLine(stderr) || lastLine(stdout))).slice(0, MOST_SAID);
  const remedy = lines[at + 1]?.trim();
  const hint = at >= 0 && remedy ? remedy.slice(0, MOST_SAID) : "It is tried again from the beginning";
  return new AppError("unavailable", `installing on ${hostname} (exit status ${code}): ${said}`, { hint });
};

const MOST_SAID = 500;

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.slice(0, MOST_SAID) ?? "";
