import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import { parseImageReference } from "./imageReference.ts";
import type { PullRequest } from "./pull.ts";

/** Where an image lies, as its registry's API has it (github.com/opencontainers/distribution-spec). */
export interface RegistryPlace {
  /** `host[:port]` */
  registry: string;
  repository: string;
  /** Tag or digest. */
  reference: string;
}

/** The registry that names without one mean; its API is not at the address that people write. */
const HUB = "registry-1.docker.io";
const HUB_NAMES = new Set(["docker.io", "index.docker.io"]);

export const registryPlaceOf = (image: string): RegistryPlace => {
  const { fromImage, tag: reference } = parseImageReference(image);
  const [first = "", ...rest] = fromImage.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (isHost && !HUB_NAMES.has(first)) return { registry: first, repository: rest.join("/"), reference };
  const path = isHost ? rest : [first, ...rest];
  const repository = path.length === 1 ? `library/${path[0]}` : path.join("/");
  return { registry: HUB, repository, reference };
};

export interface RegistryAccess {
  place: RegistryPlace;
  auth: PullRequest["auth"];
  /** Without TLS, as the engine is told for this registry. */
  isPlain: boolean;
  signal: AbortSignal;
}

/** As the reference has it for configurations (docs/spec/agent.md §2.9); manifests are far smaller. */
const MAX_BYTES = 4 * 1024 ** 2;

export const Platform = z.object({ architecture: z.string(), os: z.string() });
export type Platform = z.infer<typeof Platform>;

const Index = z.object({
  manifests: z.array(z.object({ digest: z.string(), platform: Platform.nullish() })),
});
const Manifest = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ size: z.number() })),
});
const Config = z.object({
  architecture: z.string().default(""),
  os: z.string().default(""),
  config: z
    .object({ Entrypoint: z.array(z.string()).nullish(), Cmd: z.array(z.string()).nullish() })
    .nullish(),
});

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** What a registry tells of an image without any of its layers. */
export interface ImageFacts {
  /** It is made for these; empty: nobody says. */
  platforms: readonly Platform[];
  /** One of several platforms, chosen by the host; else there is only this one, whatever the host is. */
  isList: boolean;
  /** Of the host's platform; absent: not known. */
  own?: {
    /** Entrypoint and command, one after the other. */
    argv: readonly string[];
    /** Compressed, of all layers together. */
    bytes: number;
  };
}

/** Asks a registry. Rejects where it does not answer with an image; nothing is concluded from that here. */
export const readRegistry = async (
  access: RegistryAccess,
  isForHost: (platform: Platform) => boolean,
): Promise<ImageFacts> => {
  const get = createGet(access);
  const first = await get(`manifests/${access.place.reference}`, MANIFEST_TYPES);
  const index = Index.safeParse(first);
  if (!index.success) {
    const { platform, own } = await readOwn(get, first);
    return { platforms: platform ? [platform] : [], isList: false, own };
  }
  const { manifests } = index.data;
  const platforms = manifests.flatMap(({ platform }) => (platform ? [platform] : []));
  const mine = manifests.find(({ platform }) => platform && isForHost(platform));
  if (!mine) return { platforms, isList: true };
  const { own } = await readOwn(get, await get(`manifests/${mine.digest}`, MANIFEST_TYPES));
  return { platforms, isList: true, own };
};

type Get = (path: string, accept: string) => Promise<unknown>;

const readOwn = async (get: Get, manifest: unknown) => {
  const { config, layers } = Manifest.parse(manifest);
  const { architecture, os, ...rest } = Config.parse(await get(`blobs/${config.digest}`, "*/*"));
  const { Entrypoint, Cmd } = rest.config ?? {};
  return {
    platform: architecture || os ? { architecture, os } : undefined,
    own: {
      argv: [...(Entrypoint ?? []), ...(Cmd ?? [])],
      bytes: layers.reduce((sum, { size }) => sum + size, 0),
    },
  };
};

const createGet = ({ place, auth, isPlain, signal }: RegistryAccess): Get => {
  const basic = auth
    ? `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`
    : undefined;
  let authorization: string | undefined;
  const ask = (url: string, accept: string, authorized = authorization) =>
    fetch(url, {
      signal,
      // Blobs may lie elsewhere, where the registry's credentials are nobody's business.
      redirect: "manual",
      headers: { accept, ...(authorized ? { authorization: authorized } : {}) },
    });

  /** The token that a challenge wants, from where it says; undefined: there is none to be had. */
  const answerTo = async (challenge: string): Promise<string | undefined> => {
    if (/^basic\b/i.test(challenge)) return basic;
    const { realm, ...params } = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    if (!realm) return undefined;
    const url = new URL(realm);
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    const mayHaveOurs = url.protocol === "https:" || isPlain;
    const answer = await ask(url.href, "application/json", mayHaveOurs ? basic : undefined);
    const { token, access_token } = Token.parse(await bodyOf(answer));
    return `Bearer ${token ?? access_token}`;
  };

  return async (path, accept) => {
    const url = `${isPlain ? "http" : "https"}://${place.registry}/v2/${place.repository}/${path}`;
    let answer = await ask(url, accept);
    if (answer.status === 401 && authorization === undefined) {
      authorization = await answerTo(answer.headers.get("www-authenticate") ?? "");
      if (authorization) answer = await ask(url, accept);
    }
    const location = answer.headers.get("location");
    if (answer.status >= 300 && answer.status < 400 && location) {
      const target = new URL(location, url);
      const isSame = target.origin === new URL(url).origin;
      answer = await fetch(target, {
        signal,
        headers: { accept, ...(isSame && authorization ? { authorization } : {}) },
      });
    }
    return bodyOf(answer);
  };
};

const Token = z.object({ token: z.string().optional(), access_token: z.string().optional() });

const bodyOf = async (answer: Response): Promise<unknown> => {
  const { host } = new URL(answer.url);
  if (!answer.ok) throw new AppError("unavailable", `${host} answers with status ${answer.status}`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > MAX_BYTES)
      throw new AppError("too_large", `${host} answers with more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString());
};
