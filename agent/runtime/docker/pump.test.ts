import { expect, test } from "bun:test";
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { pump } from "./pump.ts";

test("pump() hands on every byte in order, and joins what came meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 9 })), async (chunks) => {
      const got: Buffer[] = [];
      await pump(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), async (bytes) => {
        await Promise.resolve();
        got.push(bytes);
      });
      expect(Buffer.concat(got).equals(Buffer.concat(chunks))).toBe(true);
      expect(got.length).toBeLessThanOrEqual(chunks.length);
    }),
  );
});

test("pump() makes the other side wait while it cannot write", async () => {
  const source = new PassThrough();
  const write = Promise.withResolvers<void>();
  const pumped = pump(source, () => write.promise);
  let sent = 0;
  const chunk = Buffer.alloc(1024 * 1024);
  for (; sent < 64 && source.write(chunk); sent += 1) await new Promise(setImmediate);
  expect(sent).toBeLessThan(64);
  write.resolve();
  source.end();
  await pumped;
});

test("pump() fails with the connection, after what had come is written", async () => {
  const source = new PassThrough();
  const got: string[] = [];
  const pumped = pump(source, async (bytes) => void got.push(bytes.toString()));
  source.write("before");
  await new Promise(setImmediate);
  source.destroy();
  await expect(pumped).rejects.toThrow("cut off");
  expect(got).toEqual(["before"]);
});

test("pump() fails with the writer", async () => {
  const pumped = pump(Readable.from([Buffer.from("x")]), () => Promise.reject(new Error("disk")));
  await expect(pumped).rejects.toThrow("disk");
});
