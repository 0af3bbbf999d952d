import { describe, expect, test } from "bun:test";
import { GpuDevice } from "../../shared/protocol/inventory.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { FAKE_HOSTS } from "../testing/fakeHosts/all.ts";
import { type FakeHost, writeFakeHost } from "../testing/fakeHosts/fakeHost.ts";
import { readGpus } from "./gpus.ts";

const { signal } = new AbortController();

const readFrom = (host: Pick<FakeHost, "files" | "tools">, dir: string) => {
  const { root, bin } = writeFakeHost(dir, host);
  // Their scripts need `cat`.
  return readGpus({ root, signal, searchPath: bin });
};

describe("readGpus()", () => {
  test.each(FAKE_HOSTS.map((host) => [host.name, host] as const))("%s", async (_name, host) => {
    using dir = tempDir();
    const found = await readFrom(host, dir.path);
    GpuDevice.array().parse(found.gpus);
    const [fit, heldOut] = [
      found.gpus.filter(({ health }) => health?.status !== "failure"),
      found.gpus.filter(({ health }) => health?.status === "failure"),
    ];
    expect(fit).toMatchObject(host.gpus as object[]);
    // A device that is all right says nothing of its health.
    expect(fit.filter(({ health }) => health)).toHaveLength(host.gpus.filter(({ health }) => health).length);
    expect(heldOut.map(({ id }) => id)).toEqual(Object.keys(host.heldOut ?? {}));
    for (const { id, health } of heldOut) expect(health?.reason).toContain(host.heldOut?.[id] ?? "?");
    expect(found.failures).toHaveLength(host.failures?.length ?? 0);
    for (const [index, part] of (host.failures ?? []).entries())
      expect(found.failures[index]).toContain(part);
    expect(new Set(found.gpus.map(({ id }) => id)).size).toBe(found.gpus.length);
  });

  test("nothing at all", async () => {
    using dir = tempDir();
    expect(await readFrom({ files: {}, tools: {} }, dir.path)).toEqual({ gpus: [], failures: [] });
  });
});
