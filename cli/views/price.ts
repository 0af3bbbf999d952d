/** `$` and at most so many decimals, without trailing zeros (docs/spec/cli.md §7.1). */
export const price = (dollars: number, decimals = 4): string => `$${Number(dollars.toFixed(decimals))}`;

/** Hosts of SSH fleets are `remote` on the wire. */
export const backendName = (backend: string): string => (backend === "remote" ? "ssh" : backend);

export const backendAndRegion = (backend: string, region: string | null): string =>
  region === null ? backendName(backend) : `${backendName(backend)} (${region})`;
