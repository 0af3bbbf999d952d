/** `dstack-agent`. See `dstack-agent --help`. */

export {};

// Everything is loaded only where it is needed: a supervisor must start at once and stay small.
if (process.argv[2] === "supervise") {
  const { supervise } = await import("./runtime/process/supervise.ts");
  supervise(process.argv[3] ?? "");
}
