import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lendCredentials } from "../../shared/git/credentials.ts";
import type { Logger } from "../../shared/log.ts";
import type { AssignedRepo } from "../../shared/protocol/assignment.ts";
import { unpackTree } from "../jobs/archives.ts";
import type { FetchBlob } from "../link/blobs.ts";
import type { PreparedRepo } from "../runtime/runtime.ts";
import { cloneRemote } from "./clone.ts";
import { runGit } from "./git.ts";
import { writeJobCredentials } from "./jobCredentials.ts";

export interface RepoDeps {
  fetchBlob: FetchBlob;
  log: Logger;
  /** The agent's own environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** File in which the keys of SSH hosts are remembered. */
  knownHosts: string;
}

/**
 * Makes the job's repository ready under `dir`: cloned and brought to its commit with the local changes over it, or
 * unpacked (docs/spec/agent.md §2.12). Anything that an earlier attempt left there is removed. Rejects with a StartError.
 */
export const prepareRepo = async (
  deps: RepoDeps,
  repo: AssignedRepo,
  { dir, signal }: { dir: string; signal: AbortSignal },
): Promise<PreparedRepo> => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const source = join(dir, "tree");
  let notice: string | undefined;
  const code = repo.code_sha256 ? await deps.fetchBlob(repo.code_sha256, signal) : undefined;
  if (repo.remote) {
    using credentials = lendCredentials(repo.remote, {
      dir: join(dir, "git"),
      knownHosts: deps.knownHosts,
    });
    const git = { signal, env: credentials.env, hostEnv: deps.env, log: deps.log };
    notice = await cloneRemote(repo.remote, source, git);
    // Paths that lead out of the tree or through a link are refused by git itself.
    if (code !== undefined)
      await runGit("apply the local changes", ["-C", source, "apply", "--whitespace=nowarn", code], git);
  } else if (code === undefined) mkdirSync(source);
  else await unpackTree(code, source, signal);
  const homeFiles = repo.remote ? writeJobCredentials(repo.remote, join(dir, "home")) : [];
  return {
    source,
    target: repo.path,
    ifExists: repo.if_exists,
    homeFiles,
    ...(notice === undefined ? {} : { notice }),
  };
};
