import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { artifactRoutes, defaultArtifactsDir } from "./artifacts.ts";

const withFile = async (name: string, content: string) => {
  const dir = tempDir();
  await Bun.write(join(dir.path, name), content);
  return { ...dir, app: artifactRoutes({ dir: dir.path, publicUrl: undefined }) };
};

test("GET /install.sh carries the address that it was asked at", async () => {
  const app = artifactRoutes({ dir: "/nowhere", publicUrl: undefined });
  const plain = await app.request("http://10.1.2.3:3000/install.sh", { headers: { host: "10.1.2.3:3000" } });
  expect(plain.status).toBe(200);
  const script = await plain.text();
  expect(script).toStartWith("#!/bin/sh\n");
  expect(script).toContain("default_url='http://10.1.2.3:3000'\n");

  const headers = { host: "pool.example.org", "x-forwarded-proto": "https" };
  const proxied = await app.request("http://127.0.0.1:3000/install.sh", { headers });
  expect(await proxied.text()).toContain("default_url='https://pool.example.org'\n");
});

test("GET /install.sh prefers the configured address", async () => {
  const app = artifactRoutes({ dir: "/nowhere", publicUrl: "https://pool.example.org/dstack/" });
  const answer = await app.request("http://127.0.0.1:3000/install.sh");
  expect(await answer.text()).toContain("default_url='https://pool.example.org/dstack'\n");
});

test.each(["a'; reboot; '", "a$(reboot)", "a b", 'a"', "a\\"])(
  "GET /install.sh never puts the host %p into the script",
  async (host) => {
    const app = artifactRoutes({ dir: "/nowhere", publicUrl: `http://${host}` });
    const answer = await app.request("http://127.0.0.1:3000/install.sh");
    expect(await answer.text()).toContain("default_url='@DSTACK_URL@'\n");
  },
);

test("GET /artifacts/NAME serves a release file, once per version", async () => {
  using fixture = await withFile("dstack-agent-linux-x64.gz", "the agent");
  const first = await fixture.app.request("/artifacts/dstack-agent-linux-x64.gz");
  expect(first.status).toBe(200);
  expect(first.headers.get("content-length")).toBe("9");
  expect(first.headers.get("content-type")).toBe("application/gzip");
  expect(await first.text()).toBe("the agent");

  const etag = first.headers.get("etag") ?? "";
  const ask = (tag: string) =>
    fixture.app.request("/artifacts/dstack-agent-linux-x64.gz", { headers: { "if-none-match": tag } });
  expect((await ask(etag)).status).toBe(304);
  expect((await ask(`"other", W/${etag}`)).status).toBe(304);

  await Bun.write(join(fixture.path, "dstack-agent-linux-x64.gz"), "the next agent");
  const next = await ask(etag);
  expect(next.status).toBe(200);
  expect(await next.text()).toBe("the next agent");
});

test("GET /artifacts/NAME says how it is packed", async () => {
  using fixture = await withFile("dstack-agent-linux-x64.zst", "the agent");
  const answer = await fixture.app.request("/artifacts/dstack-agent-linux-x64.zst");
  expect(answer.headers.get("content-type")).toBe("application/zstd");
});

test("HEAD /artifacts/NAME answers the size without the bytes", async () => {
  using fixture = await withFile("SHA256SUMS", "sums");
  const answer = await fixture.app.request("/artifacts/SHA256SUMS", { method: "HEAD" });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-length")).toBe("4");
  expect(await answer.text()).toBe("");
});

test("a release file that is not there is a 404 that says how to get it", async () => {
  using fixture = await withFile("SHA256SUMS", "sums");
  const answer = await fixture.app.request("/artifacts/dstack-agent-linux-arm64.gz");
  expect(answer.status).toBe(404);
  expect(await answer.text()).toContain(`put the files of dist/ into ${fixture.path}`);
});

test.each([
  "data.db",
  "..%2Fdata.db",
  "..%2f..%2fetc%2fpasswd",
  "%2Fetc%2Fpasswd",
  "dstack-x%00.gz",
  ".",
  "dstack",
  "SOURCES",
])("GET /artifacts/%s is refused, whatever lies in the folder", async (name) => {
  using fixture = await withFile("data.db", "the store");
  const answer = await fixture.app.request(`/artifacts/${name}`);
  expect(answer.status).toBe(404);
  expect(await answer.text()).not.toContain("the store");
});

test("defaultArtifactsDir() is the folder of the real executable", async () => {
  using fixture = await withFile("dstack-linux-x64", "");
  expect(defaultArtifactsDir(join(fixture.path, "dstack-linux-x64"))).toBe(fixture.path);
});
