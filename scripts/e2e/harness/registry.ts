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

export const startRegistry = async (options: { ip: string; dir: string }): Promise<Registry> => {
  const { ip, dir } = options;
  mkdirSync(dir, { recursive: true });
  const address = `${ip}:${await freePort(ip)}`;
  const config = join(dir, "config.yml");
  writeFileSync(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "warn" },
      storage: { filesystem: { rootdirectory: join(dir, "data") } },
      http: { addr: address },
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
      (answer) => answer.ok,
      () => false,
    );
  await waitFor("docker-registry to answer", answers, 15_000).catch(async (err: unknown) => {
    await program[Symbol.asyncDispose]();
    throw err;
  });
  return { address, program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
};
