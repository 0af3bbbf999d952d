import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import {
  CONTROL_BASE_PATH,
  type DrainAnswer,
  DrainRequest,
  type LeaveControlAnswer,
  LeaveControlRequest,
  type StatusAnswer,
} from "./messages.ts";

/** What the agent does for whoever runs the host. */
export interface ControlHandlers {
  status(): StatusAnswer;
  drain(request: z.infer<typeof DrainRequest>): Promise<DrainAnswer>;
  undrain(): Promise<DrainAnswer>;
  leave(request: z.infer<typeof LeaveControlRequest>): Promise<LeaveControlAnswer>;
}

export const controlSocket = (stateDir: string): string => join(stateDir, "ctl.sock");

const MAX_BODY_BYTES = 64 * 1024;

/** Serves the agent's control socket (messages.ts). Whoever has the state directory's lock may take the socket. */
export const serveControl = (stateDir: string, handlers: ControlHandlers, log: Logger): AsyncDisposable => {
  const path = controlSocket(stateDir);
  rmSync(path, { force: true });
  const calls: Record<string, (body: unknown) => unknown> = {
    status: () => handlers.status(),
    drain: (body) => handlers.drain(DrainRequest.parse(body)),
    undrain: () => handlers.undrain(),
    leave: (body) => handlers.leave(LeaveControlRequest.parse(body)),
  };
  // Nobody else may connect, not even for the moment before its mode is set.
  const umask = process.umask(0o177);
  const server = Bun.serve({
    unix: path,
    maxRequestBodySize: MAX_BODY_BYTES,
    fetch: async (request) => {
      const name = new URL(request.url).pathname.slice(CONTROL_BASE_PATH.length + 1);
      const call = request.method === "POST" && Object.hasOwn(calls, name) ? calls[name] : undefined;
      if (!call) return refuse(404, new AppError("unsupported", `This agent does not know "${name}"`));
      try {
        return Response.json(await call(await request.json()));
      } catch (err) {
        if (err instanceof AppError) return refuse(409, err);
        if (err instanceof z.ZodError || err instanceof SyntaxError)
          return refuse(400, new AppError("invalid", messageOf(err)));
        log.error("A command on the control socket failed", { name, err });
        return refuse(500, new AppError("unavailable", "The agent failed; see its log"));
      }
    },
  });
  process.umask(umask);
  chmodSync(path, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      // Answers that are on their way still go out.
      await server.stop();
      rmSync(path, { force: true });
    },
  };
};

const refuse = (status: number, { code, message, hint }: AppError): Response =>
  Response.json({ error: { code, message, ...(hint ? { hint } : {}) } }, { status });
