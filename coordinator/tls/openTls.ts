import { join } from "node:path";
import { readAuthorities } from "../../shared/tls/authorities.ts";
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
