import { installPythonPackage } from "./pythonPackage.ts";

/** The oldest and the newest release of the reference whose clients we promise to serve. */
export const STOCK_VERSIONS = ["0.21.2", "0.22.5"] as const;
export type StockVersion = (typeof STOCK_VERSIONS)[number];

/**
 * The reference's own command line. Answers its path, or why it cannot be had. `extra` is a part of the package that its
 * clients need not have, such as its server.
 */
export const installStockClient = (
  version: StockVersion = "0.21.2",
  extra?: "server",
): Promise<{ path: string } | { reason: string }> => {
  const [name, wanted] = extra === undefined ? ["client", "dstack"] : [extra, `dstack[${extra}]`];
  const folder = `stock-${name}-${version}`;
  return installPythonPackage({ folder, wanted: `${wanted}==${version}`, program: "dstack" });
};
