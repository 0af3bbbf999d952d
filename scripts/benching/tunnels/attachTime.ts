import type { Coordinator } from "../../e2e/harness/coordinator.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import { cleanEnvironment, DSTACK } from "../../e2e/harness/programs.ts";
import { JOB_PORTS } from "./jobSide.ts";

/** Milliseconds from the start of `dstack attach` to its word that it is, and from Ctrl-C to its end. */
export const timeAttach = async (
  { home }: Coordinator,
  run: string,
): Promise<{ attachedMs: number; detachedMs: number }> => {
  const mapping = `${await freePort()}:${JOB_PORTS.echo}`;
  const others = Object.values(JOB_PORTS).filter((port) => port !== JOB_PORTS.echo);
  const rest = await Promise.all(others.map(async (port) => ["-p", `${await freePort()}:${port}`]));
  const startedAt = performance.now();
  const child = Bun.spawn([DSTACK, "attach", run, "-p", mapping, ...rest.flat()], {
    env: cleanEnvironment(home),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  let output = "";
  let attachedMs: number | undefined;
  let askedAt = 0;
  for await (const piece of child.stdout) {
    output += decoder.decode(piece, { stream: true });
    if (attachedMs !== undefined || !output.includes("Attached")) continue;
    attachedMs = performance.now() - startedAt;
    askedAt = performance.now();
    child.kill("SIGINT");
  }
  await child.exited;
  if (attachedMs === undefined) throw new Error(`dstack attach ${run} ended:\n${output}`);
  return { attachedMs, detachedMs: performance.now() - askedAt };
};
