import { StartError } from "./runtime.ts";

/** Linux takes no longer single argument or variable: MAX_ARG_STRLEN, 32 pages, the final NUL included (execve(2)). */
const MAX_STRING_BYTES = 32 * 4096;
/** All of them together, each with its pointer: a quarter of the stack's usual limit of 8 MiB (execve(2)). */
const MAX_TOTAL_BYTES = 2 * 1024 ** 2;
const POINTER_BYTES = 8;

const bytesOf = (text: string): number => Buffer.byteLength(text) + 1;
const inKib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;

/** Refuses what no program could be started with; the kernel's own words for it are "Argument list too long". */
export const checkExecSize = (argv: readonly string[], env: Readonly<Record<string, string>>): void => {
  const variables = Object.entries(env).map(([name, value]) => ({
    name,
    bytes: bytesOf(`${name}=${value}`),
  }));
  const longest = variables.toSorted((a, b) => b.bytes - a.bytes)[0];
  if (longest && longest.bytes > MAX_STRING_BYTES) {
    throw refuse(`the variable ${longest.name} has ${inKib(longest.bytes)}, and one has room for 128 KiB`);
  }
  const command = Math.max(0, ...argv.map(bytesOf));
  if (command > MAX_STRING_BYTES)
    throw refuse(`its commands have ${inKib(command)}, and an argument has room for 128 KiB`);
  const total = [...argv.map(bytesOf), ...variables.map(({ bytes }) => bytes)].reduce(
    (sum, bytes) => sum + bytes + POINTER_BYTES,
    0,
  );
  if (total > MAX_TOTAL_BYTES)
    throw refuse(`environment and commands have ${inKib(total)} together, and there is room for 2048 KiB`);
};

const refuse = (why: string): StartError =>
  new StartError("executor_error", `Linux cannot start the job: ${why}`, {
    hint: "Put large values into files (the property files)",
  });
