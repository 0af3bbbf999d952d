import type { DevEnvironmentConfiguration } from "./devEnvironment.ts";

export type Ide = NonNullable<DevEnvironmentConfiguration["ide"]>;

const PREFIXES: Record<Ide, string> = {
  vscode: "vscode://vscode-remote/ssh-remote+",
  cursor: "cursor://vscode-remote/ssh-remote+",
  windsurf: "windsurf://vscode-remote/ssh-remote+",
  zed: "zed://ssh/",
};

export const IDE_NAMES: Record<Ide, string> = {
  vscode: "VS Code",
  cursor: "Cursor",
  windsurf: "Windsurf",
  zed: "Zed",
};

/**
 * What opens a folder of a dev environment in an editor (docs/spec/cli.md §6.6). `authority`: the name by which the
 * editor's SSH knows the job, or `<id>@<host>[:port]`; `dir`: absolute.
 */
export const ideLink = (ide: Ide, authority: string, dir: string): string =>
  `${PREFIXES[ide]}${authority}${dir}`;
