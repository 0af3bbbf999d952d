import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { PullProgress } from "../../../shared/protocol/report.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { isUnreachable, openDocker } from "./client.ts";
import { PullCutOff, type PullRequest, pullImage } from "./pull.ts";

/** What an engine answers to a pull, as it comes over its socket: refusals and silence are not to be had from a real one at will. */
const pullFrom = async (
  answer: (request: Request) => Response,
  options: Partial<PullRequest> = {},
  { signal, seen = [] }: { signal?: AbortSignal; seen?: (PullProgress | undefined)[] } = {},
) => {
  using dir = tempDir();
  const path = join(dir.path, "docker.sock");
  const server = Bun.serve({ unix: path, fetch: answer });
  try {
    const request = { image: "registry:5000/team/image:v1", auth: undefined, ...options };
    await pullImage(await openDocker(`unix://${path}`), request, {
      signal: signal ?? new AbortController().signal,
      onPulling: (progress) => seen.push(progress),
    });
    return seen;
  } finally {
    await server.stop(true);
  }
};

const lines = (...events: object[]) => events.map((event) => `${JSON.stringify(event)}\r\n`).join("");
const DONE = { status: "Status: Downloaded newer image for registry:5000/team/image:v1" };
/** Sends the first part and then nothing. */
const silentAfter = (text: string) =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from(text)) }));

describe("pullImage()", () => {
  test("asks for the image, with credentials, and reports progress", async () => {
    const asked: string[] = [];
    const layer = { id: "a", status: "Pull complete" };
    const seen = await pullFrom(
      (request) => {
        asked.push(request.url, request.headers.get("x-registry-auth") ?? "");
        return new Response(
          lines({ id: "a", status: "Downloading", progressDetail: { current: 5, total: 9 } }, layer, DONE),
        );
      },
      { auth: { username: "me", password: "secret" } },
    );
    const [url = "", header = ""] = asked;
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      fromImage: "registry:5000/team/image",
      tag: "v1",
    });
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
      username: "me",
      password: "secret",
    });
    expect(seen[0]).toBeUndefined();
    expect(seen.at(-1)).toMatchObject({
      downloaded_bytes: 9,
      extracted_bytes: 9,
      is_total_bytes_final: true,
    });
  });

  test("what was told last before a registry falls silent is reported", async () => {
    const half = (current: number) => ({
      id: "a",
      status: "Downloading",
      progressDetail: { current, total: 9 },
    });
    const seen: (PullProgress | undefined)[] = [];
    const stopped = new AbortController();
    const pulling = pullFrom(
      () => silentAfter(lines({ status: "Pulling" }, half(1), half(4))),
      {},
      { signal: stopped.signal, seen },
    );
    await waitFor("the last report", () => seen.at(-1)?.downloaded_bytes === 4);
    stopped.abort();
    await expect(pulling).rejects.toThrow();
  });

  test("an error in the middle of the stream is the engine's word", async () => {
    const error = { errorDetail: { message: "unexpected EOF" }, error: "unexpected EOF" };
    await expect(pullFrom(() => new Response(lines({ status: "Pulling" }, error)))).rejects.toMatchObject({
      reason: "creating_container_error",
      message: 'Cannot pull the image "registry:5000/team/image:v1": unexpected EOF',
    });
  });

  test.each([
    [404, "manifest unknown", undefined, "Check the image's name and tag"],
    [
      500,
      "pull access denied for x",
      undefined,
      "Check the image's name; if it is private, give its credentials in registry_auth",
    ],
    [
      500,
      "Get x: no basic auth credentials",
      undefined,
      "Check the image's name; if it is private, give its credentials in registry_auth",
    ],
    [
      500,
      "unauthorized: incorrect username",
      { username: "a", password: "b" },
      "Check the image's name and the credentials in registry_auth",
    ],
    [500, "toomanyrequests", undefined, undefined],
  ])("a refusal (%p, %p) comes with a hint where there is one", async (status, message, auth, hint) => {
    const refused = pullFrom(() => Response.json({ message }, { status }), { auth });
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(`: ${message}`), hint });
  });

  test("a stream that ends without saying that it is done is no success", async () => {
    const half = { id: "a", status: "Downloading", progressDetail: { current: 5, total: 9 } };
    await expect(pullFrom(() => new Response(lines(half)))).rejects.toThrow("stopped in the middle");
    const [docker, complete] = [
      { status: "Pulling from x", id: "v1" },
      { id: "a", status: "Download complete" },
    ];
    await expect(pullFrom(() => new Response(lines(docker, complete)))).rejects.toThrow("in the middle");
    expect(await pullFrom(() => new Response(lines(complete)))).toHaveLength(3);
    await expect(pullFrom(() => new Response("<html>"))).rejects.toThrow('the engine answered "<html>"');
  });

  test("an engine that ends in the middle is told from one that refuses, and from one that is not there", async () => {
    const begun = lines({ status: "Pulling from team/image", id: "v1" });
    const leave = lines({ errorDetail: { message: "context canceled" }, error: "context canceled" });
    for (const text of [begun, begun + leave])
      await expect(pullFrom(() => new Response(text))).rejects.toBeInstanceOf(PullCutOff);
    const closing = "error creating temporary lease: transport is closing: unavailable";
    const leaving = pullFrom(() => Response.json({ message: closing }, { status: 500 }));
    const err = await leaving.catch((reason: unknown) => reason);
    expect(isUnreachable(err)).toBe(true);
    const refused = lines({ errorDetail: { message: "manifest unknown" }, error: "manifest unknown" });
    await expect(pullFrom(() => new Response(refused))).rejects.not.toBeInstanceOf(PullCutOff);
    const request = { image: "a", auth: undefined };
    const hooks = { signal: new AbortController().signal, onPulling: () => {} };
    const gone = pullImage(await openDocker("unix:///nowhere/docker.sock"), request, hooks);
    await expect(gone).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("silence ends it", async () => {
    const pulled = pullFrom(() => silentAfter(lines({ status: "Pulling" })), { silenceMs: 50 });
    await expect(pulled).rejects.toThrow("nothing came for 0.05 seconds");
  });

  test("it ends with its signal, also in the middle", async () => {
    const controller = new AbortController();
    const pulled = pullFrom(
      () => silentAfter(lines({ status: "Pulling" })),
      {},
      { signal: controller.signal },
    );
    setTimeout(() => controller.abort(), 20);
    await expect(pulled).rejects.toThrow(/abort/i);
  });
});
