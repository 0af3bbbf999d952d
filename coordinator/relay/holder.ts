import type {
  AgentStreamRequest,
  ClientStreamRequest,
  StreamFailureCode,
} from "../../shared/protocol/tunnel.ts";

/** Why somebody does not get a stream, or may not keep it. */
export class StreamRefusal extends Error {
  override readonly name = "StreamRefusal";
  readonly code: StreamFailureCode;

  constructor(code: StreamFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Where a stream leads. */
export interface Destination {
  instanceId: string;
  request: AgentStreamRequest;
  run: { id: string; name: string; project_id: string };
  /** Of the job, such as `train-0-0`. */
  jobName: string;
}

/** Whoever holds a link, or a stream of the coordinator's own. The rules are asked anew each time. */
export interface Holder {
  userId: string;
  username: string;
  project: { id: string; name: string };
  /** The address that they come from. */
  address: string;
  /** Throws a refusal once they may not be here any more. */
  check(): Promise<void>;
  /** Where the stream leads that they ask for; throws a refusal. */
  find(request: ClientStreamRequest): Promise<Destination>;
  /** Whether a stream may go on that was given to them; `over`: its job has ended. Throws a refusal where it may not. */
  recheck(given: Destination): Promise<"stays" | "over">;
}
