import { join, resolve } from "node:path";

const dist = resolve(import.meta.dir, "../../../dist");

/** What `bun run build --only current` leaves in dist/: this machine's own programs. */
export const DSTACK = join(dist, "dstack");
export const AGENT = join(dist, "dstack-agent");

/** All that the programs find in the environment: nothing of whoever runs the tests gets in. */
export const cleanEnvironment = (home: string): Record<string, string> => ({
  HOME: home,
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
});
