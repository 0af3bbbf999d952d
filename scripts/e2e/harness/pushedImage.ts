import type { Registry, RegistryOptions } from "./registry.ts";

/** An image as no engine of this host would make it: its configuration says whatever it is told to. */
export interface PushedImage {
  /** `repository:tag` */
  name: string;
  architecture: string;
  account?: RegistryOptions["account"];
}

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

/** Puts it into a registry, through its API; answers its whole name and its one layer. */
export const pushImage = async (
  { address }: Registry,
  { name, architecture, account }: PushedImage,
): Promise<{ image: string; layer: string }> => {
  const [repository, tag] = name.split(":");
  const base = `http://${address}/v2/${repository}`;
  const headers = account
    ? { authorization: `Basic ${btoa(`${account.username}:${account.password}`)}` }
    : undefined;
  const send = async (method: string, url: string, body?: Uint8Array, type = "application/octet-stream") => {
    const answer = await fetch(url, {
      method,
      headers: { ...headers, "content-type": type },
      ...(body ? { body } : {}),
    });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const put = async (bytes: Uint8Array) => {
    const begun = await send("POST", `${base}/blobs/uploads/`);
    const at = new URL(begun.headers.get("location") ?? "", base);
    at.searchParams.set("digest", digestOf(bytes));
    await send("PUT", at.href, bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  // Two blocks of zeros: an archive of nothing.
  const files = new Uint8Array(1024);
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      config: { Cmd: ["/app/true"] },
      rootfs: { type: "layers", diff_ids: [digestOf(files)] },
      history: [{ created_by: "test" }],
    }),
  );
  const layer = await put(Bun.gzipSync(files));
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: "application/vnd.docker.container.image.v1+json", ...(await put(config)) },
    layers: [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", ...layer }],
  };
  await send("PUT", `${base}/manifests/${tag}`, Buffer.from(JSON.stringify(manifest)), MANIFEST);
  return { image: `${address}/${name}`, layer: layer.digest };
};
