import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import { splitPem } from "../../shared/tls/fingerprint.ts";
import { ownNames, WILDCARDS } from "../address.ts";
import type { CoordinatorConfig } from "../config.ts";
import { openGivenCertificate } from "./givenCertificate.ts";
import { openOwnCertificate } from "./ownCertificate.ts";
import type { CertificateSource, SourceDeps } from "./tls.ts";

type Settings = Pick<CoordinatorConfig, "tls" | "host" | "publicUrl" | "serverDir">;

/** The coordinator's certificate, as it is configured; undefined: it speaks plain HTTP. */
export const openTls = async (
  { tls, host, publicUrl, serverDir }: Settings,
  deps: SourceDeps,
): Promise<CertificateSource | undefined> => {
  if (tls.kind === "none") return undefined;
  const { caFile } = tls;
  // Read each time: the next authority is added to it before it is used.
  const authorities = () => (caFile === undefined ? [] : readAuthorities(caFile));
  authorities();
  if (tls.kind === "given") return openGivenCertificate({ ...tls, ...deps, authorities });
  const names = [
    ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, "")]),
    ...tls.names,
    ...(WILDCARDS.has(host) ? [] : [host]),
    ...ownNames(),
  ];
  return openOwnCertificate({
    ...deps,
    dir: join(serverDir, "tls"),
    names: [...new Set(names)],
    alsoTrusted: authorities,
  });
};

const readAuthorities = (path: string): string[] => {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  const found = splitPem(text);
  if (found.length === 0)
    throw new AppError("invalid", `There is no certificate in ${path}: it is to be PEM`);
  return found;
};
