import { describe, expect, test } from "bun:test";
import { readRegistry, registryPlaceOf } from "./registryClient.ts";

const DIGEST = "sha256:c0ffee";

test.each([
  ["ubuntu", "registry-1.docker.io", "library/ubuntu", "latest"],
  ["docker.io/ubuntu:24.04", "registry-1.docker.io", "library/ubuntu", "24.04"],
  ["team/image:v1", "registry-1.docker.io", "team/image", "v1"],
  ["ghcr.io/team/a/b", "ghcr.io", "team/a/b", "latest"],
  ["localhost/image:1", "localhost", "image", "1"],
  ["registry:5000/image", "registry:5000", "image", "latest"],
  [`quay.io/image:1@${DIGEST}`, "quay.io", "image", DIGEST],
])("%s lies at %s", (image, registry, repository, reference) =>
  expect(registryPlaceOf(image)).toEqual({ registry, repository, reference }),
);

/** What registries answer that wear tokens and hand blobs out elsewhere: docker-registry does neither. */
const registryOf = (answers: Record<string, (request: Request) => Response>) => {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      seen.push(`${pathname} ${request.headers.get("authorization") ?? "-"}`);
      return answers[pathname]?.(request) ?? new Response("", { status: 404 });
    },
  });
  return { server, seen, [Symbol.asyncDispose]: () => server.stop(true) };
};

const accessTo = ({ port }: { port: number | undefined }) => ({
  place: { registry: `127.0.0.1:${port}`, repository: "team/image", reference: "v1" },
  auth: { username: "me", password: "secret" },
  isPlain: true,
  signal: AbortSignal.timeout(5_000),
});
const MANIFEST = { config: { digest: "sha256:cc" }, layers: [{ size: 5 }, { size: 7 }] };
const CONFIG = { architecture: "arm64", os: "linux", config: { Entrypoint: ["/app"], Cmd: ["go"] } };
const isArm = ({ architecture }: { architecture: string }) => architecture === "arm64";
const BASIC = `Basic ${btoa("me:secret")}`;

describe("readRegistry()", () => {
  test("one platform of several, with a token, and a blob that lies elsewhere and gets no credentials", async () => {
    await using elsewhere = registryOf({ "/blob": () => Response.json(CONFIG) });
    await using registry = registryOf({
      "/token": () => Response.json({ token: "t" }),
      "/v2/team/image/manifests/v1": ({ headers, url }) =>
        headers.get("authorization") === "Bearer t"
          ? Response.json({
              manifests: [
                { digest: "sha256:aa", platform: { os: "linux", architecture: "amd64" } },
                { digest: "sha256:bb", platform: { os: "linux", architecture: "arm64" } },
                { digest: "sha256:dd" },
              ],
            })
          : new Response("", {
              status: 401,
              headers: {
                "www-authenticate": `Bearer realm="${new URL("/token", url)}",service="here",scope="repository:team/image:pull"`,
              },
            }),
      "/v2/team/image/manifests/sha256:bb": () => Response.json(MANIFEST),
      "/v2/team/image/blobs/sha256:cc": () => Response.redirect(`${elsewhere.server.url}blob`, 307),
    });
    expect(await readRegistry(accessTo(registry.server), isArm)).toEqual({
      isList: true,
      platforms: [
        { os: "linux", architecture: "amd64" },
        { os: "linux", architecture: "arm64" },
      ],
      own: { argv: ["/app", "go"], bytes: 12 },
    });
    expect(registry.seen).toEqual([
      "/v2/team/image/manifests/v1 -",
      `/token ${BASIC}`,
      "/v2/team/image/manifests/v1 Bearer t",
      "/v2/team/image/manifests/sha256:bb Bearer t",
      "/v2/team/image/blobs/sha256:cc Bearer t",
    ]);
    expect(elsewhere.seen).toEqual(["/blob -"]);
  });

  test("none of several is the host's: nothing more is asked for", async () => {
    const platform = { os: "linux", architecture: "s390x" };
    await using registry = registryOf({
      "/v2/team/image/manifests/v1": () => Response.json({ manifests: [{ digest: "sha256:aa", platform }] }),
    });
    expect(await readRegistry(accessTo(registry.server), isArm)).toEqual({
      isList: true,
      platforms: [platform],
    });
  });

  test("a configuration that names nothing", async () => {
    await using registry = registryOf({
      "/v2/team/image/manifests/v1": () => Response.json(MANIFEST),
      "/v2/team/image/blobs/sha256:cc": () => Response.json({ config: { Cmd: null } }),
    });
    expect(await readRegistry(accessTo(registry.server), isArm)).toEqual({
      isList: false,
      platforms: [],
      own: { argv: [], bytes: 12 },
    });
  });

  test("refusals and floods are rejections", async () => {
    await using registry = registryOf({
      "/v2/team/image/manifests/v1": ({ headers }) =>
        headers.get("authorization") === BASIC
          ? new Response("x".repeat(5 * 1024 ** 2))
          : new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="here"' } }),
    });
    const access = accessTo(registry.server);
    await expect(readRegistry(access, isArm)).rejects.toThrow("more than 4194304 bytes");
    await expect(readRegistry({ ...access, auth: null }, isArm)).rejects.toThrow("answers with status 401");
  });
});
