import type Docker from "dockerode";
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import { addressOf } from "./client.ts";
import type { PullRequest } from "./pull.ts";
import { type ImageFacts, Platform } from "./registryClient.ts";

const Distribution = z.object({
  Descriptor: z.object({ digest: z.string(), mediaType: z.string().default("") }),
  Platforms: z.array(Platform).nullish(),
});

/**
 * Docker's own look at an image in its registry, over its proxies and mirrors and with its certificates
 * (`GET /distribution/NAME/json`). Podman has no such thing. Rejects with what the engine says against it.
 */
export const askEngine = async (
  docker: Docker,
  { image, auth }: PullRequest,
  signal: AbortSignal,
): Promise<Omit<ImageFacts, "own"> & { digest: string }> => {
  const { base, options } = addressOf(docker);
  const account = auth ? Buffer.from(JSON.stringify(auth)).toString("base64url") : undefined;
  const answer = await fetch(`${base}/distribution/${image}/json`, {
    ...options,
    signal,
    headers: account ? { "x-registry-auth": account } : {},
  });
  const text = await answer.text();
  if (!answer.ok)
    throw new AppError("unavailable", `The engine answers with status ${answer.status}: ${text.trim()}`);
  const { Descriptor, Platforms } = Distribution.parse(JSON.parse(text));
  const isList = /index|manifest\.list/.test(Descriptor.mediaType);
  return { digest: Descriptor.digest, platforms: Platforms ?? [], isList };
};

/** Docker's `GET /info`. */
const Info = z.object({
  RegistryConfig: z
    .object({ IndexConfigs: z.record(z.string(), z.object({ Secure: z.boolean() })).nullish() })
    .nullish(),
});

/** Podman's `GET /libpod/info`, since its version 4: what its registries.conf says; beside hosts a list of those to search. */
const PodmanInfo = z.object({ registries: z.record(z.string(), z.unknown()).nullish() });
const PodmanRegistry = z.object({
  Insecure: z.boolean().default(false),
  Location: z.string().default(""),
  Mirrors: z.array(z.unknown()).nullish(),
});

/** Whether the engine talks to a registry without TLS. Rejects where it goes elsewhere for it: the answers may differ. */
export const isWithoutTls = async (docker: Docker, registry: string, isPodman: boolean): Promise<boolean> => {
  if (!isPodman) {
    const { RegistryConfig } = Info.parse(await docker.info());
    return RegistryConfig?.IndexConfigs?.[registry]?.Secure === false || isLoopback(registry);
  }
  const { base, options } = addressOf(docker);
  const answer = await fetch(`${base}/v4.0.0/libpod/info`, options);
  const { registries } = PodmanInfo.parse(await answer.json());
  const known = PodmanRegistry.safeParse(registries?.[registry]);
  if (!known.success) return false;
  const { Insecure, Location, Mirrors } = known.data;
  if ((Location && Location !== registry) || (Mirrors?.length ?? 0) > 0)
    throw new AppError("unsupported", `Podman goes elsewhere for ${registry}`);
  return Insecure;
};

/** Docker takes them for insecure without being told. */
const isLoopback = (registry: string): boolean => /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(registry);
