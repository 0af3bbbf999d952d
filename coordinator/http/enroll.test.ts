import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EnrollRequest } from "../../shared/protocol/enroll.ts";
import { EnrollAnswer } from "../../shared/protocol/enroll.ts";
import { AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { anInventory } from "../testing/anInstance.ts";
import { type HostKey, newHostKey } from "../testing/hostKey.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;
let token: string;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  token = await coordinator.newJoinToken("lab");
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const MINUTE_MS = 60_000;
const headers = { [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL) };

const enroll = (publicKey: string, proof: EnrollRequest["proof"]) => {
  const request = { agent_version: "0.1.0", public_key: publicKey, boot_id: "boot", proof };
  const inventory = anInventory({ runtime: "docker" });
  return coordinator.post("/api/agent/enroll", { ...request, inventory }, { headers });
};

type Proof = (own: HostKey, other: HostKey) => EnrollRequest["proof"];
const ago = (minutes: number) => Date.now() - minutes * MINUTE_MS;
const byToken = (key?: ReturnType<HostKey["prove"]>) => ({
  kind: "join" as const,
  token,
  ...(key ? { key } : {}),
});

const PROOFS: Record<string, { proof: Proof; unknown: number; known: number; says?: string }> = {
  "a token alone": { proof: () => byToken(), unknown: 200, known: 401, says: "no proof of it was given" },
  "a token and the key": { proof: (own) => byToken(own.prove(Date.now())), unknown: 200, known: 200 },
  "a token and the key, with a clock that is off": {
    proof: (own) => byToken(own.prove(ago(30))),
    unknown: 200,
    known: 401,
    says: "more than 10 minutes off",
  },
  "a token and another's key": {
    proof: (_, other) => byToken(other.prove(Date.now())),
    unknown: 401,
    known: 401,
    says: "does not match the host's key",
  },
  "a token that is not known, and the key": {
    proof: (own) => ({ kind: "join", token: "join-none", key: own.prove(Date.now()) }),
    unknown: 401,
    known: 401,
    says: "is not known",
  },
  "the key": { proof: (own) => ({ kind: "key", ...own.prove(Date.now()) }), unknown: 401, known: 200 },
  "the key, long ago": {
    proof: (own) => ({ kind: "key", ...own.prove(ago(11)) }),
    unknown: 401,
    known: 401,
    says: "more than 10 minutes off",
  },
  "another's key": {
    proof: (_, other) => ({ kind: "key", ...other.prove(Date.now()) }),
    unknown: 401,
    known: 401,
    says: "does not match the host's key",
  },
  "a signature that is none": {
    proof: () => ({ kind: "key", at: Date.now(), signature: "???" }),
    unknown: 401,
    known: 401,
    says: "does not match the host's key",
  },
};

describe.each(Object.entries(PROOFS))("enrolling with %s", (_, { proof, unknown, known, says }) => {
  test(`a host that is not known: ${unknown}`, async () => {
    const own = newHostKey();
    expect((await enroll(own.publicKey, proof(own, newHostKey()))).status).toBe(unknown);
  });

  test(`a host that is known: ${known}`, async () => {
    const own = newHostKey();
    const first = EnrollAnswer.parse((await enroll(own.publicKey, byToken(own.prove(Date.now())))).body);
    const again = await enroll(own.publicKey, proof(own, newHostKey()));
    expect(again.status).toBe(known);
    if (known === 200) expect(EnrollAnswer.parse(again.body).instance_id).toBe(first.instance_id);
    if (known !== 200 && says !== undefined) expect(JSON.stringify(again.body)).toContain(says);
  });
});

test("a key that is no key is refused", async () => {
  const own = newHostKey();
  for (const publicKey of ["", "????", Buffer.alloc(31).toString("base64"), own.publicKey.slice(4)])
    expect((await enroll(publicKey, byToken(own.prove(Date.now())))).status).toBe(401);
});
