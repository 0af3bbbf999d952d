import type Docker from "dockerode";
import { pump } from "./pump.ts";

/**
 * The exit code of a container once it does not run (any more). dockerode's own `wait` never settles when the engine
 * goes away in the middle of its answer, so the answer is read here; rejects then, and as engines refuse.
 */
export const waitForCode = async (container: Docker.Container): Promise<number> => {
  const answer = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const request = {
      path: `/containers/${container.id}/wait?`,
      method: "POST",
      options: { _query: { condition: "not-running" }, _body: {} },
      isStream: true,
      statusCodes: { 200: true, 404: "no such container", 500: "server error" },
    };
    container.modem.dial(request, (err: unknown, stream: unknown) =>
      err ? reject(err) : resolve(stream as NodeJS.ReadableStream),
    );
  });
  let body = "";
  await pump(answer, async (bytes) => {
    body += bytes.toString();
  });
  const { StatusCode: code } = JSON.parse(body || "{}") as { StatusCode?: unknown };
  if (typeof code !== "number") throw new Error("The Docker engine ended before the container");
  return code;
};
