import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startGitServer } from "../../agent/testing/gitServer.ts";
import { freePort } from "../e2e/harness/freePort.ts";
import { runOk, startProgram } from "../e2e/harness/program.ts";

/** Where repositories are, as stock clients will have it: over TLS with a CA of its own, and over SSH. */
export interface GitHost extends AsyncDisposable {
  /** Of the bare repositories that are served. */
  folder: string;
  /** Of the public ones, and of the same that want a token. */
  publicUrl: string;
  privateUrl: string;
  token: string;
  /** `ssh://…`, and the private key that is let in. */
  sshUrl: string;
  key: string;
  /** The certificate that clients and hosts are to trust. */
  ca: string;
}

export const openGitHost = async (dir: string, ip: string): Promise<GitHost> => {
  await using undo = new AsyncDisposableStack();
  const folder = join(dir, "repositories");
  mkdirSync(folder, { recursive: true });
  const [ca, caKey, token] = [join(dir, "ca.pem"), join(dir, "ca.key"), "t0ken-of-the-suite"];
  const subject = ["-subj", `/CN=${ip}`, "-addext", `subjectAltName=IP:${ip}`];
  const request = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
  ];
  await runOk([...request, "-days", "2", "-keyout", caKey, "-out", ca, ...subject]);
  const serve = async (needed?: string): Promise<string> => {
    const plain = undo.use(await startGitServer(folder, needed));
    const secure = Bun.serve({
      hostname: ip,
      port: 0,
      tls: { cert: Bun.file(ca), key: Bun.file(caKey) },
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        const { method, headers } = request;
        const body = method === "GET" ? {} : { body: await request.arrayBuffer() };
        return fetch(`${plain.url}${pathname}${search}`, { method, headers, ...body });
      },
    });
    undo.defer(() => secure.stop(true));
    return `https://${ip}:${secure.port}`;
  };
  const publicUrl = await serve();
  const privateUrl = await serve(token);
  const port = await freePort(ip);
  const [key, hostKey] = [join(dir, "key"), join(dir, "host")];
  for (const file of [key, hostKey]) await runOk(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file]);
  const config = join(dir, "sshd_config");
  const lines = [
    `ListenAddress ${ip}:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${key}.pub`,
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "PermitRootLogin yes",
    // bash would run what is in there before git, and that may take as long as it likes.
    `SetEnv HOME=${dir}`,
  ];
  await Bun.write(config, `${lines.join("\n")}\n`);
  // The folder that sshd gives up its rights in; Debian's own unit makes it.
  mkdirSync("/run/sshd", { recursive: true });
  const sshd = undo.use(
    startProgram({
      name: "sshd",
      command: ["/usr/sbin/sshd", "-D", "-e", "-f", config],
      logFile: join(dir, "sshd.log"),
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: dir,
    }),
  );
  await sshd.waitForOutput(/Server listening on /);
  const cleanUp = undo.move();
  const sshUrl = `ssh://root@${ip}:${port}${folder}`;
  const dispose = () => cleanUp.disposeAsync();
  return { folder, publicUrl, privateUrl, token, sshUrl, key, ca, [Symbol.asyncDispose]: dispose };
};
