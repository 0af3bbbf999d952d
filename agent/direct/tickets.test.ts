import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { GRANT_MS, Grant, LAST_WORDS_MS, RENEW_MS } from "./grant.ts";
import { Tickets } from "./tickets.ts";

const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
const OTHER = "0b6f9d61-6c55-4a3b-9c1e-2f5b8e7d6a10";

const open = () => {
  const clock = new FakeClock(0);
  const tickets = new Tickets(clock);
  const job = new AbortController();
  const over: string[] = [];
  const grant = () =>
    new Grant({
      clock,
      submissionId: SUBMISSION,
      to: { kind: "direct", ports: [80, 8080], login: { keys: ["ssh-ed25519 AAAA"], user: "ada" } },
      ended: job.signal,
      onOver: (_grant, reason) => void over.push(reason),
    });
  const issue = (of = grant()): string => tickets.issue(of) ?? "";
  return { clock, tickets, job, over, grant, issue };
};

describe("a ticket", () => {
  type Lab = ReturnType<typeof open>;
  const rules: [string, (lab: Lab) => string, string | undefined][] = [
    ["that is new is good", (lab) => lab.issue(), undefined],
    ["that nobody was given is not", () => "x".repeat(43), "unknown"],
    [
      "is good once",
      (lab) => {
        const ticket = lab.issue();
        lab.tickets.redeem(ticket);
        return ticket;
      },
      "used",
    ],
    [
      "is good for 20 seconds",
      (lab) => {
        const ticket = lab.issue();
        lab.clock.advance(19_999);
        return ticket;
      },
      undefined,
    ],
    [
      "is good for no longer",
      (lab) => {
        const ticket = lab.issue();
        lab.clock.advance(20_000);
        return ticket;
      },
      "expired",
    ],
    [
      "whose grant was taken back is not",
      (lab) => {
        const grant = lab.grant();
        const ticket = lab.issue(grant);
        grant.end("Access was revoked");
        return ticket;
      },
      "withdrawn",
    ],
    [
      "whose job has ended is not",
      (lab) => {
        const ticket = lab.issue();
        lab.job.abort();
        return ticket;
      },
      "withdrawn",
    ],
    [
      "that is long over is nobody's",
      (lab) => {
        const ticket = lab.issue();
        lab.clock.advance(60_000);
        lab.issue();
        return ticket;
      },
      "unknown",
    ],
  ];
  test.each(rules)("%s", (_name, ticketOf, refusal) => {
    const lab = open();
    const redeemed = lab.tickets.redeem(ticketOf(lab));
    if (refusal === undefined) expect(redeemed).toBeInstanceOf(Grant);
    else expect(redeemed).toBe(refusal as typeof redeemed);
  });

  test("is never good twice, whatever happens between", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("issue" as const) }),
      fc.record({ do: fc.constant("redeem" as const), of: fc.nat(20) }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.nat(30_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lab = open();
        const issued: string[] = [];
        const redeemed = new Set<string>();
        for (const now of steps) {
          if (now.do === "issue") issued.push(lab.issue());
          else if (now.do === "wait") lab.clock.advance(now.ms);
          else {
            const ticket = issued[now.of] ?? "";
            if (typeof lab.tickets.redeem(ticket) === "string") continue;
            expect(redeemed.has(ticket)).toBe(false);
            redeemed.add(ticket);
          }
        }
      }),
    );
  });

  test("is refused where a thousand wait", () => {
    const lab = open();
    for (let count = 0; count < 1_000; count += 1) expect(lab.issue()).not.toBe("");
    expect(lab.issue()).toBe("");
    lab.clock.advance(40_000);
    expect(lab.issue()).not.toBe("");
  });
});

describe("a grant", () => {
  test.each([
    ["a port of its own", SUBMISSION, { kind: "port", port: 8080 }, { kind: "port", port: 8080 }],
    ["another port", SUBMISSION, { kind: "port", port: 22 }, undefined],
    ["a port of another job", OTHER, { kind: "port", port: 8080 }, undefined],
    ["a login", SUBMISSION, { kind: "ssh" }, { kind: "ssh", keys: ["ssh-ed25519 AAAA"], user: "ada" }],
    [
      "a login as somebody else",
      SUBMISSION,
      { kind: "ssh", user: "bob" },
      { kind: "ssh", keys: ["ssh-ed25519 AAAA"], user: "bob" },
    ],
    ["a login of another job", OTHER, { kind: "ssh" }, undefined],
    ["another ticket", SUBMISSION, { kind: "direct" }, undefined],
  ] as const)("is asked for %s", (_name, submission_id, to, expected) => {
    const found: unknown = open().grant().find({ submission_id, to });
    expect(found).toEqual(expected as typeof found);
  });

  test("is for nothing any more once it is over", () => {
    const grant = open().grant();
    grant.end("enough");
    expect(grant.find({ submission_id: SUBMISSION, to: { kind: "ssh" } })).toBeUndefined();
  });

  type Lab = ReturnType<typeof open>;
  const ends: [string, (lab: Lab, grant: Grant) => void, string[]][] = [
    ["stands for a quarter of an hour", ({ clock }) => clock.advance(GRANT_MS - 1), []],
    ["and no longer", ({ clock }) => clock.advance(GRANT_MS), ["It was not renewed in time"]],
    [
      "ends with its job, once that has said its last words",
      ({ clock, job }, grant) => {
        job.abort();
        expect(grant.find({ submission_id: SUBMISSION, to: { kind: "ssh" } })).toBeUndefined();
        clock.advance(LAST_WORDS_MS);
      },
      ["The job has ended"],
    ],
    [
      "lets its job say its last words",
      ({ clock, job }) => {
        job.abort();
        clock.advance(LAST_WORDS_MS - 1);
      },
      [],
    ],
    [
      "stands while the coordinator is away",
      ({ clock }, grant) => {
        grant.orphan();
        clock.advance(GRANT_MS - 1);
      },
      [],
    ],
    [
      "stands a minute longer when it is back",
      ({ clock }, grant) => {
        grant.orphan();
        grant.heard();
        clock.advance(RENEW_MS - 1);
      },
      [],
    ],
    [
      "and no longer than that, however often it is heard",
      ({ clock }, grant) => {
        grant.orphan();
        grant.heard();
        clock.advance(RENEW_MS / 2);
        grant.heard();
        clock.advance(RENEW_MS / 2);
      },
      ["It was not renewed in time"],
    ],
    [
      "is not shortened by a coordinator that was never away",
      ({ clock }, grant) => {
        grant.heard();
        clock.advance(RENEW_MS);
      },
      [],
    ],
    [
      "that has had only a moment left gets no more of it",
      ({ clock }, grant) => {
        clock.advance(GRANT_MS - 10);
        grant.orphan();
        grant.heard();
        clock.advance(10);
      },
      ["It was not renewed in time"],
    ],
    [
      "ends once",
      ({ clock, job }, grant) => {
        grant.end("Access was revoked");
        job.abort();
        clock.advance(GRANT_MS);
      },
      ["Access was revoked"],
    ],
  ];
  test.each(ends)("%s", (_name, happens, told) => {
    const lab = open();
    happens(lab, lab.grant());
    expect(lab.over).toEqual(told);
  });
});
