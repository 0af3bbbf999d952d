import { expect, test } from "bun:test";
import fc from "fast-check";
import { takeFormFile } from "./multipart.ts";

/** A body that comes in pieces of these sizes, again and again. */
const cut = (body: Uint8Array<ArrayBuffer>, sizes: readonly number[]): ReadableStream<Uint8Array> => {
  let [at, turn] = [0, 0];
  return new ReadableStream({
    pull: (controller) => {
      if (at >= body.length) return controller.close();
      const size = sizes[turn++ % sizes.length] ?? 1;
      controller.enqueue(body.slice(at, at + size));
      at += size;
    },
  });
};

const requestOf = (body: string | ReadableStream<Uint8Array>, contentType: string) =>
  new Request("http://localhost/", { method: "POST", body, headers: { "content-type": contentType } });

const read = async (request: Request) =>
  takeFormFile(request, "file", async ({ filename, content }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return { filename, bytes: new Uint8Array(Buffer.concat(pieces)) };
  });

test("takeFormFile() reads what FormData writes, however it is cut", async () => {
  const likeBoundary = fc
    .array(fc.constantFrom("\r", "\n", "-", "--", "\r\n--", "a"))
    .map((parts) => new Uint8Array(Buffer.from(parts.join(""))));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), likeBoundary);
  const pieces = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(bytes, bytes, pieces, async (first, second, sizes) => {
      const form = new FormData();
      form.append("other", new Blob([new Uint8Array(first)]), "b.bin");
      form.append("file", new Blob([new Uint8Array(second)]), "0123");
      const whole = new Request("http://localhost/", { method: "POST", body: form });
      const type = whole.headers.get("content-type") ?? "";
      const body = cut(new Uint8Array(await whole.arrayBuffer()), sizes);
      expect(await read(requestOf(body, type))).toEqual({ filename: "0123", bytes: second });
    }),
    { numRuns: 200 },
  );
});

test("a form without such a file has none", async () => {
  const form = new FormData();
  form.append("file", "text");
  form.append("other", new Blob(["x"]), "b.bin");
  expect(await read(new Request("http://localhost/", { method: "POST", body: form }))).toBeUndefined();
});

test("whoever gives up on the file in the middle is heard, and the rest is not read", async () => {
  let pulled = 0;
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(pulled++ === 0 ? Buffer.from(head) : new Uint8Array(65_536)),
  });
  const giveUp = takeFormFile(
    requestOf(endless, "multipart/form-data; boundary=b"),
    "file",
    async ({ content }) => {
      for await (const _ of content) throw new Error("enough");
    },
  );
  await expect(giveUp).rejects.toThrow("enough");
  expect(pulled).toBeLessThan(200);
});

test.each([
  ["no form", "application/json", '{"a": 1}', 'its content type is "application/json"'],
  ["no boundary", "multipart/form-data", "x", "Multipart: Boundary not found"],
  ["cut off", "multipart/form-data; boundary=b", "--b\r\nA: b\r\n\r\nxyz", "Unexpected end"],
  [
    "cut off within the file",
    "multipart/form-data; boundary=b",
    '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nxyz',
    "Unexpected end",
  ],
  ["empty", "multipart/form-data; boundary=b", "", "Unexpected end"],
  ["no line after it", "multipart/form-data; boundary=b", "--bxx", "Unexpected end"],
  [
    "endless headers",
    "multipart/form-data; boundary=b",
    `--b\r\n${"A: b\r\n".repeat(5000)}`,
    "Unexpected end",
  ],
])("a body that is %s is refused", async (_, type, body, why) => {
  await expect(read(requestOf(body, type))).rejects.toThrow(`The body is not a multipart form: ${why}`);
});
