import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A host with NVIDIA GPUs that are not there: what its agent finds of them, and what they do. */
export interface FakeGpus {
  /** Put before the agent's command: it then sees the driver's folder of /proc that belongs to them. Needs root. */
  wrap: readonly string[];
  /** Put before the agent's PATH: the folder of the fake nvidia-smi. */
  path: string;
  uuids: readonly string[];
  /** How busy each of them is from now on, in percent; anything else is printed as it is. */
  work(percents: readonly (number | string)[]): void;
}

/** An H100 is said to hold this much, and to use this much of it. */
export const FAKE_MEMORY = { totalMib: 81_559, usedMib: 71_233 };

const uuid = (at: number): string => `GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d${String(at).padStart(2, "0")}`;
const bus = (at: number): string => `0000:${(0x1b + at).toString(16)}:00.0`;

export const createFakeGpus = (dir: string, count: number): FakeGpus => {
  const [path, driver, state] = [join(dir, "bin"), join(dir, "driver"), join(dir, "utilization")];
  const all = [...Array(count).keys()];
  mkdirSync(path, { recursive: true });
  for (const at of all) mkdirSync(join(driver, "nvidia/gpus", bus(at)), { recursive: true });
  const listed = all
    .map(
      (at) =>
        `${at}, NVIDIA H100 80GB HBM3, ${FAKE_MEMORY.totalMib}, ${uuid(at)}, 570.124.06, 0000${bus(at)}`,
    )
    .join("\n");
  writeFileSync(join(path, "listed"), `${listed}\n`);
  writeFileSync(
    join(path, "nvidia-smi"),
    `#!/bin/sh
case "$*" in
  *utilization.gpu*) cat ${state} ;;
  *--query-gpu=index,*) cat ${join(path, "listed")} ;;
  *) exit 2 ;;
esac
`,
    { mode: 0o755 },
  );
  const work = (percents: readonly (number | string)[]): void => {
    const { usedMib, totalMib } = FAKE_MEMORY;
    const lines = all.map((at) => `${uuid(at)}, ${percents[at] ?? 0}, ${usedMib}, ${totalMib}, 61, 512.33\n`);
    writeFileSync(state, lines.join(""));
  };
  work([]);
  const mount = 'mount --bind "$0" /proc/driver && exec "$@"';
  return { wrap: ["unshare", "--mount", "sh", "-c", mount, driver], path, uuids: all.map(uuid), work };
};
