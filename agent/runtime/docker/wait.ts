import type Docker from "dockerode";
import { z } from "zod";
import { addressOf } from "./client.ts";

/**
 * The exit code of a container once it does not run (any more). Not through dockerode: its `wait` never settles when the
 * engine goes away in the middle of its answer, nor sometimes when the answer of Podman is there at once. Rejects then,
 * and with the `statusCode` with which engines refuse.
 */
export const waitForCode = async (
  container: Docker.Container,
  condition: "not-running" | "removed" = "not-running",
): Promise<number> => {
  const { base, options } = addressOf(container);
  // A job may run for weeks without a word on this connection. Bun's types do not know of it.
  const request = { ...options, method: "POST", timeout: false };
  const answer = await fetch(`${base}/containers/${container.id}/wait?condition=${condition}`, request);
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(text.trim()), { statusCode: answer.status });
  const { StatusCode: code } = JSON.parse(text || "{}") as { StatusCode?: unknown };
  if (typeof code !== "number") throw new Error("The Docker engine ended before the container");
  return code;
};

/** What the engine has on record of a container that has ended; undefined: that it runs, or no code. */
export const findCode = async (container: Docker.Container): Promise<number | undefined> => {
  const { State } = await container.inspect();
  // A command that ends at once overtakes the start in Podman, which then writes over its end: "created", with a code of 0.
  if (State.Status === "created") return findCodeInEvents(container);
  const hasEnded = !State.Running && Date.parse(State.FinishedAt) >= Date.parse(State.StartedAt);
  return hasEnded && State.ExitCode >= 0 ? State.ExitCode : undefined;
};

const LOOK_MS = 5_000;
const DIED = z.object({
  Actor: z.object({ Attributes: z.object({ containerExitCode: z.coerce.number() }) }),
});

/** Its record may be gone or wrong, what it told of the end is not (`GET /events`, a JSON line each). */
const findCodeInEvents = async (container: Docker.Container): Promise<number | undefined> => {
  const { base, options } = addressOf(container);
  const query = new URLSearchParams({
    stream: "false",
    // Both are needed, or it waits for more.
    since: "0",
    until: String(Math.ceil(Date.now() / 1_000)),
    filters: JSON.stringify({ container: [container.id], event: ["died"] }),
  });
  const answer = await fetch(`${base}/events?${query}`, { ...options, signal: AbortSignal.timeout(LOOK_MS) });
  const line = answer.ok ? (await answer.text()).trim().split("\n").at(-1) : "";
  return line ? DIED.safeParse(JSON.parse(line)).data?.Actor.Attributes.containerExitCode : undefined;
};
