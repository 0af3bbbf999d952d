import { z } from "zod";
import { EnrollAnswer, type EnrollRequest } from "../../shared/protocol/enroll.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { anInventory } from "./anInstance.ts";
import { type HostKey, newHostKey } from "./hostKey.ts";
import type { TestCoordinator } from "./startTestCoordinator.ts";

export interface LinkAnswer {
  status: number;
  /** The error's words, or the body as text. */
  says: string;
  body: unknown;
}

const Refusal = z.object({ error: z.object({ message: z.string() }) });

interface Asked {
  body?: unknown;
  method?: "GET" | "POST";
}

/** The calls of the agent link as anybody could make them, with a key and a credential that may be somebody else's. */
export class BareHost {
  readonly #coordinator: Pick<TestCoordinator, "url">;
  readonly key: HostKey;
  readonly inventory: Inventory;
  bootId: string = crypto.randomUUID();
  /** What a further field of the enrolment says. */
  says: Partial<EnrollRequest> = {};
  credential = "";
  instanceId = "";
  name = "";
  readonly #session = crypto.randomUUID();
  #sequence = 0;

  constructor(
    coordinator: Pick<TestCoordinator, "url">,
    { key = newHostKey(), hostname = "host-0" }: { key?: HostKey; hostname?: string } = {},
  ) {
    this.#coordinator = coordinator;
    this.key = key;
    this.inventory = anInventory({ runtime: "docker", hostname });
  }

  /** Calls with another credential from now on. */
  take(credential: string): undefined {
    this.credential = credential;
  }

  /** Keeps what it is given. */
  async enroll(proof: EnrollRequest["proof"], publicKey = this.key.publicKey): Promise<LinkAnswer> {
    const request: EnrollRequest = {
      agent_version: "0.1.0",
      public_key: publicKey,
      boot_id: this.bootId,
      inventory: this.inventory,
      proof,
      ...this.says,
    };
    const answer = await this.call("/enroll", { body: request });
    const enrolled = EnrollAnswer.safeParse(answer.body);
    if (enrolled.success) {
      this.credential = enrolled.data.credential.token;
      this.instanceId = enrolled.data.instance_id;
      this.name = enrolled.data.instance_name;
    }
    return answer;
  }

  join(token: string, at = Date.now()): Promise<LinkAnswer> {
    return this.enroll({ kind: "join", token, key: this.key.prove(at) });
  }

  sync(more: Record<string, unknown> = {}): Promise<LinkAnswer> {
    const body = {
      agent_version: "0.1.0",
      boot_id: this.bootId,
      session: this.#session,
      start: 1,
      sequence: this.#sequence++,
      held: [],
      inventory: this.inventory,
      wait_ms: 0,
      ...more,
    };
    return this.call("/sync", { body });
  }

  async call(path: string, { body, method = "POST" }: Asked = {}): Promise<LinkAnswer> {
    const isText = typeof body === "string";
    const response = await fetch(`${this.#coordinator.url}${AGENT_BASE_PATH}${path}`, {
      method,
      headers: {
        [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
        "content-type": isText ? "application/octet-stream" : "application/json",
        ...(this.credential === "" ? {} : { authorization: `Bearer ${this.credential}` }),
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const refusal = Refusal.safeParse(parsed);
    return { status: response.status, says: refusal.data?.error.message ?? text, body: parsed };
  }
}
