/** The release that a client announces in `X-API-VERSION`; `latest`: as new as the coordinator. */
export type ClientVersion = "latest" | readonly [major: number, minor: number, patch: number];

/** PEP 440: epoch, release, then pre-, post- and development suffixes and a local part. */
const PEP440 =
  /^\s*v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?\d*)?(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*$/i;

/** Undefined: it is not a version at all. */
export const parseClientVersion = (header: string | undefined): ClientVersion | undefined => {
  if (header === undefined || header === "latest" || header.startsWith("0.0.0")) return "latest";
  const found = PEP440.exec(header)?.groups;
  if (!found) return undefined;
  const [major = 0, minor = 0, patch = 0] = (found["release"] ?? "").split(".").map(Number);
  // An epoch is above every release without one.
  return [Number(found["epoch"] ?? 0) > 0 ? Number.POSITIVE_INFINITY : major, minor, patch];
};

/** Newer by more than a patch: the client may expect what this coordinator does not have. Older ones never. */
export const isTooNew = (client: ClientVersion, server: ClientVersion): boolean => {
  if (client === "latest" || server === "latest") return false;
  return client[0] > server[0] || (client[0] === server[0] && client[1] > server[1]);
};

/** Older than a release; what is as new as the coordinator is not. */
export const isBefore = (client: ClientVersion, release: readonly [number, number, number]): boolean => {
  if (client === "latest") return false;
  const at = client.findIndex((part, index) => part !== release[index]);
  return at >= 0 && (client[at] ?? 0) < (release[at] ?? 0);
};

/** Volumes of these would make the client refuse the whole answer (docs/spec/changes-0.22.md §1.2). */
export const unknownVolumeBackends = (client: ClientVersion): string[] => [
  ...(isBefore(client, [0, 22, 2]) ? ["daytona"] : []),
  ...(isBefore(client, [0, 22, 5]) ? ["lium"] : []),
];
