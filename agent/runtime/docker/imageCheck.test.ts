import { expect, test } from "bun:test";
import { join } from "node:path";
import { createLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openDocker } from "./client.ts";
import { checkImage } from "./imageCheck.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const on = (...platforms: [string, string][]) =>
  platforms.map(([os, architecture]) => ({ os, architecture }));

/** What engines answer of images that no registry of the tests has. */
const check = async (
  distribution: (request: Request) => Response | Promise<Response>,
  { argv = ["/app"], signal = new AbortController().signal }: { argv?: string[]; signal?: AbortSignal } = {},
) => {
  using dir = tempDir();
  const path = join(dir.path, "docker.sock");
  const asked: string[] = [];
  const server = Bun.serve({
    unix: path,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (pathname === "/version") return Response.json({ Os: "linux", Arch: "amd64", Components: [] });
      if (pathname === "/info") return Response.json({});
      return distribution(request);
    },
  });
  const logged: string[] = [];
  const log = createLogger({ level: "info", format: "text", write: (line) => void logged.push(line) });
  try {
    const docker = await openDocker(`unix://${path}`);
    const auth = { username: "me", password: "secret" };
    await checkImage({ docker, log }, { image: "localhost:1/image:1", auth, argv, signal });
    return { said: undefined, asked, logged };
  } catch (err) {
    return { said: (err as Error).message, asked, logged };
  } finally {
    await server.stop(true);
  }
};

const told = (mediaType: string, Platforms: object[]) => () =>
  Response.json({ Descriptor: { digest: "sha256:aa", mediaType }, Platforms });

test.each([
  ["its only platform", MANIFEST, on(["linux", "amd64"])],
  ["a smaller one of the same processors", MANIFEST, on(["linux", "386"])],
  ["one of several, beside what they were built of", INDEX, on(["unknown", "unknown"], ["linux", "amd64"])],
  ["nobody knows what", MANIFEST, []],
])(
  "an image for %s is pulled, and its registry not asked for more than is needed",
  async (_, type, platforms) => {
    const { said, asked } = await check(told(type, platforms));
    expect(said).toBeUndefined();
    expect(asked).toEqual(["/version", "/distribution/localhost:1/image:1/json"]);
  },
);

test.each([
  [MANIFEST, on(["linux", "s390x"]), "linux/s390x"],
  [MANIFEST, on(["windows", "amd64"]), "windows/amd64"],
  [INDEX, on(["linux", "arm64"], ["linux", "arm64"], ["linux", "arm"]), "linux/arm64, linux/arm"],
])("an image for others is refused: %s %j", async (type, platforms, names) => {
  const { said } = await check(told(type, platforms));
  expect(said).toBe(
    `Cannot run the image "localhost:1/image:1" on this host: it is made for ${names}, and the host is linux/amd64`,
  );
});

test("the engine gets the job's credentials; what it refuses is left to the pull, and logged", async () => {
  let account = "";
  const { said, logged } = await check(({ headers }) => {
    account = headers.get("x-registry-auth") ?? "";
    return Response.json({ message: "manifest unknown" }, { status: 404 });
  });
  expect(JSON.parse(Buffer.from(account, "base64url").toString())).toEqual({
    username: "me",
    password: "secret",
  });
  expect(said).toBeUndefined();
  expect(logged).toEqual([expect.stringContaining("Cannot look at an image before its pull")]);
  expect(logged.join("")).toContain("manifest unknown");
  expect(logged.join("")).not.toContain("secret");
});

test("a registry that only the engine can reach is left to the pull as well", async () => {
  const { said, asked, logged } = await check(told(MANIFEST, on(["linux", "amd64"])), { argv: [] });
  expect(said).toBeUndefined();
  expect(asked.at(-1)).toBe("/info");
  expect(logged).toHaveLength(1);
});

test("a job that is stopped meanwhile waits no longer", async () => {
  const stop = new AbortController();
  const { said } = await check(
    () => {
      stop.abort(new Error("stopped"));
      return new Promise<Response>(() => {});
    },
    { signal: stop.signal },
  );
  expect(said).toBe("stopped");
});
