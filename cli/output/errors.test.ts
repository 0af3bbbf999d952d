import { describe, expect, test } from "bun:test";
import { AppError } from "../../shared/errors.ts";
import { ApiRefusal, Unreachable } from "../api/refusal.ts";
import { Interrupted } from "../process/interruptible.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { printError } from "./errors.ts";
import { Cancelled } from "./prompt.ts";

const print = (err: unknown, env: Record<string, string> = {}) => {
  const [out, talk] = [memoryOutput(), memoryOutput()];
  const ctx = contextOn(out.output, { env, err: talk.output });
  const code = printError(ctx, err);
  return { code, out: out.text(), talk: talk.text() };
};

const URL = "http://127.0.0.1:3000/api/project/main/runs/get";
const refused = Object.assign(new Error("Unable to connect"), { code: "ConnectionRefused" });

describe("printError()", () => {
  // docs/spec/cli.md §9
  test.each([
    [
      new Unreachable("http://s", refused),
      "Failed to connect to dstack server http://s\nNothing answers there: is the server running?\n",
    ],
    [
      new Unreachable("http://s", new Error("certificate has expired")),
      "Failed to connect to dstack server http://s\ncertificate has expired\n",
    ],
    [
      new Unreachable("https://s", new Error("x"), "its certificate has expired, and the clocks agree"),
      "Failed to connect to dstack server https://s\nIts certificate has expired, and the clocks agree\n",
    ],
    [
      new ApiRefusal(403, URL, { detail: { msg: "Access denied", code: null } }),
      `Access to ${URL} is denied. Please check your access token\n`,
    ],
    [new ApiRefusal(405, URL, { detail: "Method Not Allowed" }), `Status code 405 when requesting ${URL}\n`],
    [
      new ApiRefusal(400, URL, { detail: [{ msg: "Resource exists", code: "resource_exists" }] }),
      "Resource exists\n",
    ],
    [
      new ApiRefusal(422, URL, { detail: [{ msg: "bad" }] }),
      /^Server validation error:\n\{\n {2}"detail": \[/,
    ],
    [
      new ApiRefusal(400, URL, { detail: [{ msg: "Odd", code: null }] }),
      /^Unexpected error: status code 400 when requesting .*\nThe server says: Odd\n$/,
    ],
    [
      new ApiRefusal(502, URL, undefined),
      /^Unexpected error: status code 502 when requesting .* Check the server logs for the reason\n$/,
    ],
    [new AppError("invalid", "Wrong", { hint: "Do it right" }), "Wrong\nDo it right\n"],
    [new Cancelled(), "Cancelled by user\n"],
    [
      Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", syscall: "write" }),
      "ENOSPC: no space left\n",
    ],
    [new TypeError("x is undefined"), /^Internal error: x is undefined\nThis is a bug of dstack\./],
  ])("%#", (err, text) => {
    const { code, out, talk } = print(err);
    if (typeof text === "string") expect(out).toBe(text);
    else expect(out).toMatch(text);
    expect(out).not.toMatch(/^ +at /m);
    expect([code, talk]).toEqual([1, ""]);
  });

  test("shows where a bug is, on stderr and when asked", () => {
    expect(print(new TypeError("x"), { DSTACK_CLI_LOG_LEVEL: "debug" }).talk).toContain("errors.test.ts");
  });

  test("is no failure where the user left before anything was done", () => {
    expect(print(new Interrupted())).toEqual({
      code: 0,
      out: "Operation interrupted by user. Exiting...\n",
      talk: "",
    });
  });
});
