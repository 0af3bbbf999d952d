import type { IncomingStream, Mux } from "../../shared/tunnel/mux.ts";
import type { StreamHandler, TunnelStream } from "../../shared/tunnel/stream.ts";

/**
 * Passes a client's stream on to an agent, as another stream of the agent's link. Whoever reads at one end grants what
 * the other end sends: credit is passed on as it is, so that here lies no more than the two have agreed upon.
 */
export const splice = (client: IncomingStream, agent: Mux, request: unknown): TunnelStream => {
  const near = client.stream;
  const far = agent.open(request, near.room);
  const passTo = (other: TunnelStream): Omit<StreamHandler, "accepted"> => ({
    data: (piece) => other.write(piece),
    credit: (bytes) => other.grant(bytes),
    blocked: () => other.sayBlocked(),
    ended: () => other.end(),
    closed: (failure) => {
      if (failure) other.reset(failure);
    },
  });
  const accept = (answer: unknown, credit: number): void => {
    try {
      client.accept(answer, credit);
    } catch (err) {
      if (!(err instanceof RangeError)) throw err;
      // It came in a frame, and is longer when it is written again: nothing that a host has to say.
      for (const end of [near, far])
        end.reset({ code: "unavailable", message: "The host answered nonsense" });
    }
  };
  near.handle({ ...passTo(far), accepted: () => {} });
  far.handle({ ...passTo(near), accepted: accept });
  return far;
};
