import type Docker from "dockerode";
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
  const hasEnded = !State.Running && Date.parse(State.FinishedAt) >= Date.parse(State.StartedAt);
  return hasEnded && State.ExitCode >= 0 ? State.ExitCode : undefined;
};
