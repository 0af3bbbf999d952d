import { AppError } from "../../shared/errors.ts";

export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Runs the user's own git. Throws `unavailable` where there is none. */
export const runGit = async (
  args: readonly string[],
  { cwd, env, signal }: GitOptions,
): Promise<GitAnswer> => {
  const child = spawnGit(args, { ...(cwd !== undefined && { cwd }), env, ...(signal && { signal }) });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  signal?.throwIfAborted();
  return { code, stdout, stderr };
};

/** The same for output that may be large or no text. */
export const spawnGit = (args: readonly string[], { cwd, env, signal }: GitOptions) => {
  const git = Bun.which("git", { PATH: env["PATH"] ?? "" });
  if (!git)
    throw new AppError("unavailable", "`repos` needs git, which is not installed here", {
      hint: "Install git, or use `files` to send a folder",
    });
  return Bun.spawn([git, ...args], {
    ...(cwd !== undefined && { cwd }),
    env: { ...env, LC_ALL: "C" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(signal && { signal }),
  });
};
