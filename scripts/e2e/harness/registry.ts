import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "./freePort.ts";
import { type Program, startProgram } from "./program.ts";

/** Debian's docker-registry on this machine: real pushes and pulls, without TLS. */
export interface Registry extends AsyncDisposable {
  /** `address:port`, the first part of an image's name. */
  address: string;
  program: Program;
}

export interface RegistryOptions {
  ip: string;
  dir: string;
  /** The one account it knows; absent: everybody may push and pull. */
  account?: { username: string; password: string };
}

export const startRegistry = async (options: RegistryOptions): Promise<Registry> => {
  const { ip, dir, account } = options;
  mkdirSync(dir, { recursive: true });
  const htpasswd = join(dir, "htpasswd");
  if (account) {
    const hash = await Bun.password.hash(account.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(htpasswd, `${account.username}:${hash}\n`);
  }
  const address = `${ip}:${await freePort(ip)}`;
  const config = join(dir, "config.yml");
  writeFileSync(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "warn" },
      storage: { filesystem: { rootdirectory: join(dir, "data") } },
      http: { addr: address },
      ...(account ? { auth: { htpasswd: { realm: "e2e", path: htpasswd } } } : {}),
    }),
  );
  const program = startProgram({
    name: "docker-registry",
    command: ["docker-registry", "serve", config],
    logFile: join(dir, "registry.log"),
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    cwd: dir,
  });
  const answers = () =>
    fetch(`http://${address}/v2/`).then(
      (answer) => answer.ok || answer.status === 401,
      () => false,
    );
  await waitFor("docker-registry to answer", answers, 15_000).catch(async (err: unknown) => {
    await program[Symbol.asyncDispose]();
    throw err;
  });
  return { address, program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
};
