import type { DevEnvironmentConfiguration } from "./devEnvironment.ts";
import { IDE_NAMES, type Ide, ideLink } from "./ideLinks.ts";
import { ideServerOf, installIdeServer } from "./ideServers.ts";

/** Lets notebooks run in the job's Python. Part of what makes the image ready. */
export const INSTALL_KERNEL =
  "(uv pip install -q --no-cache-dir ipykernel 2> /dev/null" +
  " || pip install -q --no-cache-dir --retries 1 ipykernel 2> /dev/null" +
  ' || echo "ipykernel could not be installed: notebooks will not work")';

/** What runs before the user's own commands (docs/spec/agent.md §5). */
export const beforeDevCommands = (configuration: DevEnvironmentConfiguration): string => {
  const server = ideServerOf(configuration);
  return [...(server ? [installIdeServer(server)] : []), INSTALL_KERNEL].join(" && ");
};

const openIn = (ide: Ide, runName: string): string[] => {
  const folder = `\${DSTACK_WORKING_DIR:-$PWD}`;
  return [
    `echo "To open in ${IDE_NAMES[ide]}, use link below:"`,
    "echo",
    `echo "  ${ideLink(ide, runName, folder)}"`,
    "echo",
  ];
};

/** What keeps the dev environment alive, after a word on how to get into it (docs/spec/cli.md §6.6). */
export const afterDevCommands = ({ ide }: DevEnvironmentConfiguration, runName: string): string =>
  [
    "echo",
    ...(ide ? openIn(ide, runName) : []),
    `echo 'To connect via SSH, use: \`ssh ${runName}\`'`,
    "echo",
    `echo "To exit, press Ctrl+C."`,
    "tail -f /dev/null",
  ].join(" && ");
