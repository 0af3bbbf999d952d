import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "../../shared/log.ts";
import { readAuthorities } from "../../shared/tls/authorities.ts";
import { isLoopback, ownNames, WILDCARDS } from "../address.ts";
import type { CoordinatorConfig } from "../config.ts";
import { openGivenCertificate } from "./givenCertificate.ts";
import { openOwnCertificate } from "./ownCertificate.ts";
import type { CertificateSource, SourceDeps } from "./tls.ts";

type Settings = Pick<CoordinatorConfig, "tls" | "host" | "publicUrl" | "serverDir">;

/** A CA comes by IPv6 where the name has such an address; some machines have none. */
const ANYWHERE = ["::", "0.0.0.0"];

/** The coordinator's certificate, as it is configured; undefined: it speaks plain HTTP. */
export const openTls = async (
  { tls, host, publicUrl, serverDir }: Settings,
  deps: SourceDeps & { log: Logger },
): Promise<CertificateSource | undefined> => {
  if (tls.kind === "none") return undefined;
  const { caFile } = tls;
  // Read each time: the next authority is added to it before it is used.
  const authorities = () => (caFile === undefined ? [] : readAuthorities(caFile));
  authorities();
  if (tls.kind === "given") return openGivenCertificate({ ...tls, ...deps, authorities });
  if (tls.kind === "acme") {
    // Few coordinators speak to a CA: the others need not load what it takes.
    const { openAcmeCertificate } = await import("./acme/acmeCertificate.ts");
    const { acmeCaFile, directoryUrl } = tls;
    return openAcmeCertificate({
      ...tls,
      ...deps,
      authorities,
      // What one CA has said means nothing to another.
      dir: join(
        serverDir,
        "tls",
        `acme-${createHash("sha256").update(directoryUrl).digest("hex").slice(0, 12)}`,
      ),
      caAuthorities: () => (acmeCaFile === undefined ? [] : readAuthorities(acmeCaFile)),
      challenges: { hosts: WILDCARDS.has(host) || isLoopback(host) ? ANYWHERE : [host], port: tls.httpPort },
      random: Math.random,
    });
  }
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
