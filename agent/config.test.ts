import { expect, test } from "bun:test";
import { chmodSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../shared/testing/tempDir.ts";
import { loadConfig, makeStateDir } from "./config.ts";

const load = (args: string[], env: Record<string, string> = {}, isRoot = false) =>
  loadConfig(args, { HOME: "/home/me", ...env }, { isRoot });

test("arguments win over the environment, and both over what is usual", () => {
  expect(load(["run"])).toMatchObject({
    command: "run",
    stateDir: "/home/me/.local/state/dstack-agent",
    logLevel: "info",
  });
  expect(load(["run"], {}, true)).toMatchObject({ stateDir: "/var/lib/dstack-agent" });
  expect(load(["run"], { XDG_STATE_HOME: "/x" })).toMatchObject({ stateDir: "/x/dstack-agent" });
  const env = { DSTACK_URL: "http://env:1", DSTACK_JOIN_TOKEN: "env", DSTACK_AGENT_LOG_LEVEL: "debug" };
  expect(load(["join"], env)).toMatchObject({ url: "http://env:1", token: "env", logLevel: "debug" });
  expect(load(["join", "--url", "https://arg/", "--token", "arg", "--state-dir", "/s/"], env)).toMatchObject({
    url: "https://arg",
    token: "arg",
    stateDir: "/s",
  });
  expect(load(["--help"])).toBe("help");
});

test.each<[string[], string]>([
  [[], "No command given"],
  [["frob"], 'Unknown command "frob"'],
  [["run", "more"], 'Unexpected argument "more"'],
  [["run", "--frob"], "--frob"],
  [["run", "--runtime", "podman"], '--runtime is docker, process or auto, not "podman"'],
  [["run", "--state-dir", "rel"], '--state-dir must be an absolute path, not "rel"'],
  [["run", "--state-dir", `/${"x".repeat(100)}`], "at most 95 bytes"],
  [["run", "--url", "ftp://x"], '--url must begin with http:// or https://, not "ftp://x"'],
  [["run", "--log-level", "loud"], '--log-level is one of debug, info, warn, error, not "loud"'],
])("%p is refused", (args, message) => {
  expect(() => load(args)).toThrow(message);
});

test("makeStateDir() makes a folder for its owner alone, or says why it cannot", () => {
  using dir = tempDir();
  const path = join(dir.path, "a/b");
  makeStateDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  chmodSync(path, 0o755);
  makeStateDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(() => makeStateDir("/dev/null/x")).toThrow("Cannot use the state directory /dev/null/x");
  expect(existsSync("/dev/null/x")).toBe(false);
});
