import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { createApi } from "../api/client.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { uploadFiles } from "./upload.ts";

const SIZE = 5_000_000;
const PART = 1_000_000;
const ID = "5f0b3e0a-4c5d-4d0e-9c55-1b8f6c9d2a10";

interface Faults {
  /** A server without uploads in parts. */
  isStock?: boolean;
  /** What is held when the first call comes. */
  held?: Uint8Array;
  /** Parts, by their number, that are answered with a refusal, or of which half is taken. */
  parts?: Readonly<Record<number, "unavailable" | "gone" | "half">>;
  /** So many times what arrived is found to be damaged. */
  damages?: number;
}

/** A server's side of uploads, with faults that a real one cannot be asked for. */
const startServer = (faults: Faults = {}) => {
  const calls: string[] = [];
  let held = faults.held ?? new Uint8Array();
  let part = 0;
  let damages = faults.damages ?? 0;
  let stored: Uint8Array | undefined;
  const refuse = (status: number, code: string | null) =>
    Response.json({ detail: [{ msg: "no", code }] }, { status });
  const server = Bun.serve({
    port: 0,
    fetch: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const call = pathname.split("/").at(-1) ?? "";
      const begin = Number(searchParams.get("offset"));
      calls.push(call === "append_upload" ? `append ${begin}` : call);
      if (call === "upload_archive") {
        const file = (await request.formData()).get("file");
        if (file instanceof File) stored = await file.bytes();
        return Response.json({ id: ID, hash: file instanceof File ? file.name : "" });
      }
      if (call === "get_archive_by_hash") return refuse(400, "resource_not_exists");
      if (faults.isStock) return refuse(405, null);
      if (call === "get_upload_limits")
        return Response.json({ max_bytes: 10 * SIZE, part_bytes: PART, setting: "LIMIT" });
      if (call === "begin_upload") return Response.json({ archive: null, offset: held.length });
      if (call === "finish_upload") {
        const { hash } = (await request.json()) as { hash: string };
        if (damages-- > 0) held = new Uint8Array();
        else stored = held;
        return Response.json({ archive: stored ? { id: ID, hash } : null });
      }
      const bytes = new Uint8Array(await request.arrayBuffer());
      const fault = faults.parts?.[part++];
      if (fault === "unavailable") return refuse(503, null);
      if (fault === "gone") {
        held = new Uint8Array();
        return refuse(400, "resource_not_exists");
      }
      const taken = fault === "half" ? bytes.subarray(0, bytes.length / 2) : bytes;
      if (begin === held.length) held = Buffer.concat([held, taken]);
      return Response.json({ offset: held.length });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    stored: () => stored,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

const send = async (server: ReturnType<typeof startServer>) => {
  using dir = tempDir();
  const root = join(dir.path, "data");
  mkdirSync(root);
  writeFileSync(join(root, "file"), "x".repeat(SIZE));
  const api = createApi({ url: server.url, token: "t", project: "main", apiVersion: "0.21.2" });
  const output = memoryOutput({});
  const ctx = contextOn(output.output);
  const sending = uploadFiles(ctx, api, [{ local_path: root, path: "/data" }]);
  return { archives: await sending, text: output.text() };
};

test("a server without uploads in parts gets the archive in one request", async () => {
  await using server = startServer({ isStock: true });
  expect((await send(server)).archives).toEqual([{ id: ID, path: "/data" }]);
  expect(server.calls).toEqual(["get_upload_limits", "get_archive_by_hash", "upload_archive"]);
  expect(server.stored()?.length).toBeGreaterThan(SIZE);
});

test("an upload goes on from what the server has", async () => {
  await using first = startServer();
  await send(first);
  const whole = first.stored() ?? new Uint8Array();
  await using server = startServer({ held: whole.slice(0, 3_500_000) });
  await send(server);
  expect(server.calls.filter((call) => call.startsWith("append"))).toEqual([
    "append 3500000",
    "append 4500000",
  ]);
  expect(Buffer.compare(server.stored() ?? new Uint8Array(), whole)).toBe(0);
});

test.each<[string, Faults, string]>([
  ["is away for a while", { parts: { 2: "unavailable", 3: "unavailable" } }, "Lost the connection"],
  ["takes half of a part", { parts: { 1: "half" } }, ""],
  ["has given the upload up", { parts: { 3: "gone" } }, ""],
  ["finds that it is damaged", { damages: 2 }, ""],
])("an upload to a server that %s ends well", async (_, faults, said) => {
  await using sound = startServer();
  await send(sound);
  await using server = startServer(faults);
  const { text } = await send(server);
  expect(text).toContain(said);
  expect(Buffer.compare(server.stored() ?? new Uint8Array(), sound.stored() ?? new Uint8Array())).toBe(0);
});

test("what arrives damaged again and again is told", async () => {
  await using server = startServer({ damages: 3 });
  await expect(send(server)).rejects.toThrow("What arrives at the server is not what was sent");
});
