import { release } from "node:os";

/** Whether the kernel keeps how a process ended for whoever holds a pidfd of it (Linux 6.15). */
export const keepsWaitStatus = (): boolean => {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return process.platform === "linux" && (major > 6 || (major === 6 && minor >= 15));
};
