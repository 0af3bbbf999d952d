import type { JobSpec } from "../api/jobs.ts";
import { AppError } from "../errors.ts";
import type { RunConfiguration } from "./configuration.ts";
import { INSTALL_KERNEL } from "./devCommands.ts";
import { setupPython } from "./image.ts";

/** Whether a run can only be had in a container: it names an image, of its own or of a group, or a Docker of its own. */
export const needsImage = (configuration: RunConfiguration): boolean => {
  const groups =
    configuration.type === "service" && Array.isArray(configuration.replicas) ? configuration.replicas : [];
  return [configuration, ...groups].some(({ image, docker }) => Boolean(image || docker));
};

/** Of any Python version. */
const SETUP_PYTHON = new RegExp(
  `^${setupPython("VERSION")
    .split("VERSION")
    .map((part) => RegExp.escape(part))
    .join("\\S+")} && `,
);

/** The host's own Python stays as it is: nothing is installed into it. */
const withoutSetup = (text: string): string =>
  text.replace(SETUP_PYTHON, "").replace(`${INSTALL_KERNEL} && `, "");

/**
 * The argument vector of a job on a host without a container engine: as in the default image, but without what makes
 * that image ready. Throws `AppError` for a job that leaves its command to an image.
 */
export const processArgv = ({ commands }: Pick<JobSpec, "commands">): string[] => {
  if (commands.length === 0) {
    throw new AppError("unsupported", "The job's command is its image's, and the host runs no containers", {
      hint: "Give commands, or a host with a container engine",
    });
  }
  const [shell, interactive, run, text, ...more] = commands;
  const isShell = interactive === "-i" && run === "-c" && text !== undefined && more.length === 0;
  return shell !== undefined && isShell ? [shell, interactive, run, withoutSetup(text)] : commands;
};
