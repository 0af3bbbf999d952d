import { AppError } from "../../shared/errors.ts";

/** What a stream to a job's SSH server is accepted with (docs/protocol/tunnel.md). */
export const hostKeyIn = (answer: unknown): string => {
  const isAnswer = typeof answer === "object" && answer !== null && "host_key" in answer;
  if (isAnswer && typeof answer.host_key === "string") return answer.host_key;
  throw new AppError("unsupported", "The host does not tell its key. Is its agent too old?");
};
