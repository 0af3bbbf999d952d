import { expect, test } from "bun:test";
import fc from "fast-check";
import { readForm } from "./multipart.ts";

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

const readAll = async (request: Request) => {
  const parts: { name: string | undefined; filename: string | undefined; bytes: Uint8Array }[] = [];
  for await (const { content, ...names } of readForm(request)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    parts.push({ ...names, bytes: new Uint8Array(Buffer.concat(pieces)) });
  }
  return parts;
};

test("readForm() reads what FormData writes, however it is cut", async () => {
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
      expect(await readAll(requestOf(body, type))).toEqual([
        { name: "other", filename: "b.bin", bytes: first },
        { name: "file", filename: "0123", bytes: second },
      ]);
    }),
    { numRuns: 200 },
  );
});

test("a part that nobody reads is skipped", async () => {
  const body =
    '--b\r\nContent-Disposition: form-data; name=a\r\n\r\nxyz\r\n--b\r\nContent-Disposition: form-data; name="f\\""\r\n\r\n\r\n--b--';
  const names: unknown[] = [];
  for await (const { name } of readForm(requestOf(body, 'multipart/form-data; boundary="b"')))
    names.push(name);
  expect(names).toEqual(["a", 'f"']);
});

test.each([
  ["no form", "application/json", '{"a": 1}', 'its content type is "application/json"'],
  ["no boundary", "multipart/form-data", "x", "its content type is"],
  [
    "cut off",
    "multipart/form-data; boundary=b",
    "--b\r\nA: b\r\n\r\nxyz",
    "it ends before its last boundary",
  ],
  ["empty", "multipart/form-data; boundary=b", "", "it ends before its last boundary"],
  ["no line after it", "multipart/form-data; boundary=b", "--bxx", "something follows a boundary"],
  [
    "endless headers",
    "multipart/form-data; boundary=b",
    `--b\r\n${"A: b\r\n".repeat(5000)}`,
    "the headers of a part are too long",
  ],
])("a body that is %s is refused", async (_, type, body, why) => {
  await expect(readAll(requestOf(body, type))).rejects.toThrow(`The body is not a multipart form: ${why}`);
});
