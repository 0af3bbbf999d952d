import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Engine, type EngineOptions, PATH, startLife } from "./engine.ts";

/** Podman's service of Docker's API, with storage of its own. */
export const startPodman = (options: Omit<EngineOptions, "flags">): Promise<Engine> => {
  const { host, dir, insecureRegistry } = options;
  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  return startLife(options, ({ runDir, address }) => {
    mkdirSync(join(dir, ".config/containers"), { recursive: true });
    file(".config/containers/policy.json", '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    return {
      name: `podman on ${host.name}`,
      command: ["podman", "system", "service", "--time=0", address],
      logFile: join(dir, "podman.log"),
      env: {
        PATH,
        HOME: dir,
        // Its own defaults are more than a machine without CAP_SYS_RESOURCE may give.
        CONTAINERS_CONF: file(
          "containers.conf",
          '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n',
        ),
        CONTAINERS_STORAGE_CONF: file(
          "storage.conf",
          `[storage]\ndriver = "overlay"\ngraphroot = "${dir}/root"\nrunroot = "${runDir}/containers"\n`,
        ),
        CONTAINERS_REGISTRIES_CONF: file(
          "registries.conf",
          insecureRegistry ? `[[registry]]\nlocation = "${insecureRegistry}"\ninsecure = true\n` : "",
        ),
      },
    };
  });
};
