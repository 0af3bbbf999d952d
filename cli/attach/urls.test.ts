import { expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { rewriteUrls, type UrlMap } from "./urls.ts";

const MAP: UrlMap = {
  local: new Map([
    [8000, 18_000],
    [80, 80],
    [8888, 8888],
    [3000, 80],
  ]),
  here: "127.0.0.1",
  hosts: ["localhost", "0.0.0.0", "127.0.0.1", "10.1.2.3"],
};

const open = () => {
  const memory = memoryOutput({});
  const clock = new FakeClock(0);
  return { out: rewriteUrls({ clock }, memory.output, () => MAP), text: memory.text, clock };
};

const rewritten = (...chunks: readonly (string | Uint8Array)[]): string => {
  const { out, text } = open();
  for (const chunk of chunks) out.write(chunk);
  out.flush();
  return text();
};

test.each([
  ["see http://localhost:8000/lab?token=1\n", "see http://127.0.0.1:18000/lab?token=1\n"],
  ["http://0.0.0.0:8888", "http://127.0.0.1:8888"],
  ["http://10.1.2.3:8000, http://127.0.0.1:8000", "http://127.0.0.1:18000, http://127.0.0.1:18000"],
  ["http://localhost:3000/", "http://127.0.0.1/"],
  ["http://localhost:80/x", "http://127.0.0.1/x"],
  ["http://localhost:9000/ stays", "http://localhost:9000/ stays"],
  ["http://localhost:80001/", "http://localhost:80001/"],
  ["http://localhost:800", "http://localhost:800"],
  ["http://localhost:08000", "http://localhost:08000"],
  ["https://localhost:8000", "https://localhost:8000"],
  ["http://localhost", "http://localhost"],
  ["http://localhost.example:8000", "http://localhost.example:8000"],
  ["http://example.com:8000", "http://example.com:8000"],
  ["http://http://localhost:8000", "http://http://127.0.0.1:18000"],
  ["http://", "http://"],
])("%j is %j", (printed, shown) => {
  expect(rewritten(printed)).toBe(shown);
  expect(rewritten(...printed)).toBe(shown);
});

test("wherever the pieces end, the whole is the same, and bytes that are no text stay", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc
      .constantFrom(
        ...["http://", "http://localhost:", "http://127.0.0.1:8000", "http://0.0.0.0:8888/", "localhost:80"],
        ...["ht", "tp://", ":", "8", "0", "\n", "/", "http://10.1.2.3:3000 ", "http://localhost:9"],
      )
      .map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 20 }), (parts, cuts) => {
      const whole = Buffer.concat(parts);
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const length of cuts) {
        pieces.push(whole.subarray(at, at + length));
        at += length;
      }
      pieces.push(whole.subarray(at));
      expect(rewritten(...pieces)).toBe(rewritten(whole));
    }),
    { numRuns: 2_000 },
  );
});

test("only what may become a URL of the job is held, and not for long", () => {
  const { out, text, clock } = open();
  out.write("Continue? [y/n] ");
  expect(text()).toBe("Continue? [y/n] ");
  out.write("at http://local");
  expect(text()).toBe("Continue? [y/n] at ");
  clock.advance(50);
  expect(text()).toBe("Continue? [y/n] at http://local");
  out.write(" http://localhost:8000");
  expect(text()).toEndWith("http://local ");
  clock.advance(50);
  expect(text()).toEndWith(" http://127.0.0.1:18000");
  out.write(" http://localhost:9");
  expect(text()).toEndWith(" http://localhost:9");
});

test("without ports nothing is looked at", () => {
  const memory = memoryOutput({});
  const out = rewriteUrls({ clock: new FakeClock(0) }, memory.output, () => undefined);
  out.write("http://localhost:8000 http");
  expect(memory.text()).toBe("http://localhost:8000 http");
});
