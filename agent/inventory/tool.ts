import { messageOf } from "../../shared/errors.ts";

/** What a vendor's tool printed, or why it could not be asked. */
export interface ToolAnswer {
  stdout: string;
  failure?: string;
  /** Where it ran and failed. */
  exitCode?: number;
}

export interface ToolOptions {
  signal: AbortSignal;
  timeoutMs: number;
  /** Where tools are looked for instead of PATH and the vendors' own folders. */
  searchPath?: string;
}

/** Where vendors put their tools without telling PATH; the last one is WSL 2's. */
const VENDOR_FOLDERS =
  "/usr/bin:/usr/local/bin:/opt/rocm/bin:/usr/local/nvidia/bin:/run/current-system/sw/bin:/usr/lib/wsl/lib";

/** More than any tool prints for the GPUs of one host. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Tools that do not die: one that is asked again and again must not fill the host with processes. */
const stuck = new Map<string, Bun.Subprocess>();

/** Where the tool is; null: nowhere. */
export const findTool = (name: string, searchPath: string | undefined): string | null =>
  searchPath
    ? Bun.which(name, { PATH: searchPath })
    : (Bun.which(name) ?? Bun.which(name, { PATH: VENDOR_FOLDERS }));

/**
 * Runs a vendor's tool. Never throws: a host whose driver is broken, or hangs, must still come up. Output is kept
 * where the tool failed: it may have listed the healthy GPUs.
 */
export const askTool = async (
  name: string,
  args: readonly string[],
  { signal, timeoutMs, searchPath }: ToolOptions,
): Promise<ToolAnswer> => {
  const path = findTool(name, searchPath);
  if (!path) return { stdout: "", failure: `${name} is not installed` };
  const earlier = stuck.get(path);
  if (earlier && earlier.exitCode === null && earlier.signalCode === null)
    return { stdout: "", failure: `${path} hangs in the driver, and cannot even be killed` };
  stuck.delete(path);
  const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const child = Bun.spawn([path, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      signal: ended,
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    // A tool stuck in the driver may not die of SIGKILL, and one that left a child behind keeps the pipes open.
    const all = Promise.all([text(child.stdout), text(child.stderr), child.exited]);
    const answer = await Promise.race([all, aborted(ended)]);
    if (!answer) {
      child.unref();
      stuck.set(path, child);
      const reason = signal.aborted ? "was interrupted" : `did not answer within ${timeoutMs / 1000} s`;
      return { stdout: "", failure: `${path} ${reason}` };
    }
    const [stdout, stderr, code] = answer;
    if (code === 0) return { stdout };
    // nvidia-smi says on stdout what went wrong.
    const said = firstLines(stderr.trim() || stdout.trim());
    return { stdout, failure: `${path} ended with ${code}: ${said}`, exitCode: code };
  } catch (err) {
    return { stdout: "", failure: `Cannot run ${path}: ${messageOf(err)}` };
  }
};

const text = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();
const firstLines = (said: string): string => said.split("\n").slice(0, 3).join(" ").slice(0, 300);

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
