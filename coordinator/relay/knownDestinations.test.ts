import { beforeEach, expect, test } from "bun:test";
import type { ClientStreamRequest } from "../../shared/protocol/tunnel.ts";
import { type Destination, StreamRefusal } from "./holder.ts";
import { KnownDestinations } from "./knownDestinations.ts";

const SUBMISSION = "5f1b1c52-6a1e-4d35-9c0e-3a1a4b7f0d11";
const port = (number: number): ClientStreamRequest => ({
  submission_id: SUBMISSION,
  to: { kind: "port", port: number },
});
const leadsTo = (request: ClientStreamRequest): Destination => ({
  instanceId: "host",
  request: request as Destination["request"],
  run: { id: "run", name: "web", project_id: "main" },
  jobName: "web-0-0",
});

let changes = 0;
let asked: number[] = [];
let answer: (request: ClientStreamRequest) => Promise<Destination>;
let known: KnownDestinations;
beforeEach(() => {
  [changes, asked] = [0, []];
  answer = async (request) => leadsTo(request);
  known = new KnownDestinations(
    {
      find: (request) => {
        if (request.to.kind === "port") asked.push(request.to.port);
        return answer(request);
      },
    },
    () => changes,
  );
});

test("the rule is asked once for each target, as long as nothing was written", async () => {
  for (const number of [80, 81, 80, 81, 80])
    expect(await known.find(port(number))).toEqual(leadsTo(port(number)));
  expect(asked).toEqual([80, 81]);
});

test("it is asked again for each of them once something was", async () => {
  for (const number of [80, 81]) await known.find(port(number));
  changes += 1;
  answer = () => Promise.reject(new StreamRefusal("forbidden", "Access was revoked"));
  for (const number of [80, 81]) await expect(known.find(port(number))).rejects.toThrow("revoked");
  expect(asked).toEqual([80, 81, 80, 81]);
});

test("a refusal is not kept: what is not there yet may be there next", async () => {
  answer = () => Promise.reject(new StreamRefusal("unavailable", "The job is provisioning"));
  await expect(known.find(port(80))).rejects.toThrow("provisioning");
  answer = async (request) => leadsTo(request);
  expect((await known.find(port(80))).instanceId).toBe("host");
  expect(asked).toEqual([80, 80]);
});

test("what was written while the rule looked leaves nothing known", async () => {
  answer = async (request) => {
    changes += 1;
    return leadsTo(request);
  };
  await known.find(port(80));
  answer = () => Promise.reject(new StreamRefusal("forbidden", "Access was revoked"));
  await expect(known.find(port(80))).rejects.toThrow("revoked");
});

test("it does not grow without end", async () => {
  for (let number = 1; number <= 150; number += 1) await known.find(port(number));
  await known.find(port(150));
  await known.find(port(1));
  expect(asked.filter((one) => one === 150)).toHaveLength(1);
  expect(asked.filter((one) => one === 1)).toHaveLength(2);
});
