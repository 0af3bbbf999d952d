/** Said where instances cannot be made, and how the fleet gets some all the same. */
export const noBackendText = (fleetName: string | null): string =>
  `No backend is configured, so no instance is made: hosts join with \`dstack fleet token create ${fleetName ?? "NAME"}\``;
