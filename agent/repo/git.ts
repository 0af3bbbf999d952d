import { GIT_ALONE } from "../../shared/git/credentials.ts";
import { StartError } from "../runtime/runtime.ts";

export interface GitOptions {
  signal: AbortSignal;
  /** Over {@link BASE_ENV}: credentials, and nothing of the agent's own environment but what is named there. */
  env: Readonly<Record<string, string>>;
  /** The agent's own environment. */
  hostEnv: Readonly<Record<string, string | undefined>>;
}

/** The host's way to the network, whom it trusts there, and where its programs are. */
const INHERITED =
  /^(PATH|LANG|LC_\w+|TMPDIR|SSL_CERT_(FILE|DIR)|GIT_SSL_CA(INFO|PATH)|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)$/;

/**
 * Nothing on the host decides what git does, it asks nobody, and it reaches other machines alone: a `file://` or `ext::`
 * URL, in a submodule too, would read the host's own files or run its programs.
 */
const BASE_ENV = {
  ...GIT_ALONE,
  GIT_ALLOW_PROTOCOL: "https:http:ssh:git",
  // What Git LFS keeps is fetched afterwards, all at once.
  GIT_LFS_SKIP_SMUDGE: "1",
};

const MAX_SAID = 3_000;

/** What git said when it failed, in the reason for the job's end (docs/spec/agent.md §2.12). */
export class GitError extends StartError {
  constructor(what: string, said: string) {
    super(
      "container_exited_with_error",
      `Cannot ${what}: ${said.trim().slice(-MAX_SAID) || "git said nothing"}`,
    );
    this.name = "GitError";
  }
}

/** Runs git; answers what it printed. `what` it was to do, for the message of the {@link GitError} when it fails. */
export const runGit = async (what: string, args: readonly string[], options: GitOptions): Promise<string> => {
  const { signal, env, hostEnv } = options;
  signal.throwIfAborted();
  const git = Bun.which("git", { PATH: hostEnv["PATH"] ?? "/usr/bin:/bin:/usr/local/bin" });
  if (!git)
    throw new StartError("container_exited_with_error", `Cannot ${what}: git is not installed on this host`, {
      hint: "Install git on the host, or send the code with `files`",
    });
  const inherited = Object.entries(hostEnv).filter(([name, value]) => INHERITED.test(name) && value);
  const child = Bun.spawn([git, ...args], {
    env: { ...Object.fromEntries(inherited), ...BASE_ENV, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal,
    killSignal: "SIGTERM",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    lastOf(child.stderr),
    child.exited,
  ]);
  signal.throwIfAborted();
  if (code !== 0) throw new GitError(what, stderr || stdout);
  return stdout;
};

/** A clone may say a lot; the end of it tells what went wrong. */
const lastOf = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream)
    text = (text + decoder.decode(bytes, { stream: true })).slice(-4 * MAX_SAID);
  return text;
};
