import type { z } from "zod";
import { AppError, messageOf } from "../../shared/errors.ts";
import { CONTROL_BASE_PATH, ControlError } from "./messages.ts";
import { controlSocket } from "./server.ts";

export interface ControlCall<S extends z.ZodType> {
  command: "status" | "drain" | "undrain" | "leave";
  body?: unknown;
  answer: S;
}

/** Asks the agent that runs on this state directory; undefined: none does. Throws what it refuses with. */
export const askAgent = async <S extends z.ZodType>(
  stateDir: string,
  { command, body = {}, answer }: ControlCall<S>,
): Promise<z.output<S> | undefined> => {
  let response: Response;
  try {
    response = await fetch(`http://agent${CONTROL_BASE_PATH}/${command}`, {
      unix: controlSocket(stateDir),
      method: "POST",
      body: JSON.stringify(body),
    });
  } catch (err) {
    const { code } = err as { code?: string };
    if (code !== undefined && NOBODY.includes(code)) return undefined;
    throw new AppError("unavailable", `Cannot ask the agent: ${messageOf(err)}`, {
      hint: "Run this as the user that the agent runs as, or as root",
      cause: err,
    });
  }
  const json: unknown = await response.json();
  if (response.ok) return answer.parse(json);
  const { code, message, hint } = ControlError.parse(json).error;
  throw new AppError(code, message, hint ? { hint } : {});
};

/** No socket, one that a killed agent has left, or an agent that is just ending. */
const NOBODY = ["ENOENT", "ECONNREFUSED", "FailedToOpenSocket", "ConnectionRefused", "ECONNRESET"];
