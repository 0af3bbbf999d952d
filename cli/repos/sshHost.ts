import { homedir } from "node:os";

/** What the user's SSH configuration says of a host. */
export interface SshHost {
  readonly hostname: string;
  readonly port: string | undefined;
  readonly user: string | undefined;
  /** Private keys that are configured for it; those that SSH tries anyway are not among them. */
  readonly identityFiles: readonly string[];
}

const UNKNOWN = { port: undefined, user: undefined, identityFiles: [] };

/**
 * Resolves an alias of `~/.ssh/config` as SSH itself does (`ssh -G`, ssh(1)): hosts do not have this configuration.
 * Without an SSH client the name stands for itself.
 */
export const resolveSshHost = async (
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SshHost> => {
  const ssh = Bun.which("ssh", { PATH: env["PATH"] ?? "" });
  if (!ssh || !/^[\w][\w.-]*$/.test(host)) return { hostname: host, ...UNKNOWN };
  const child = Bun.spawn([ssh, "-G", host], { env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const lines = (await new Response(child.stdout).text()).split("\n");
  if ((await child.exited) !== 0) return { hostname: host, ...UNKNOWN };
  const valuesOf = (key: string) =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const files = valuesOf("identityfile").map((file) => file.replace(/^~(?=\/)/, env["HOME"] ?? homedir()));
  return {
    hostname: valuesOf("hostname")[0] ?? host,
    port: valuesOf("port")[0],
    user: valuesOf("user")[0],
    identityFiles: files.filter((file) => !/\/\.ssh\/id_\w+$/.test(file)),
  };
};
