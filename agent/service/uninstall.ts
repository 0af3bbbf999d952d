import { spawn } from "node:child_process";
import script from "../../install.sh" with { type: "text" };

const PASSED_ON = [
  "PATH",
  "HOME",
  "LANG",
  "XDG_CONFIG_HOME",
  "XDG_STATE_HOME",
  "XDG_RUNTIME_DIR",
  "DOCKER_HOST",
];

/**
 * Removes what install.sh has made on this host, this program and what is left of jobs included, by the script itself:
 * there is one list of these things. It goes on in a session of its own when this process ends, which it may bring about.
 */
export const startUninstall = (stateDir: string, env: Readonly<Record<string, string | undefined>>): void => {
  const passed = Object.fromEntries(PASSED_ON.map((name) => [name, env[name]]));
  const child = spawn("sh", ["-c", script, "install.sh", "--uninstall", "--state-dir", stateDir], {
    cwd: "/",
    env: passed,
    stdio: "ignore",
    detached: true,
  });
  child.unref();
};
