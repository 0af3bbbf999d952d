import { join } from "node:path";

/** The folder that a coordinator keeps everything in (docs/spec/cli.md §3.1). */
export const serverDirOf = (env: { HOME: string; DSTACK_SERVER_DIR?: string | undefined }): string =>
  env.DSTACK_SERVER_DIR ?? join(env.HOME, ".dstack", "server");
