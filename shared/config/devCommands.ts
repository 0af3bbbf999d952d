import type { DevEnvironmentConfiguration } from "./devEnvironment.ts";

/** Editors with a server that can be put in place before they connect (docs/spec/agent.md §5). */
const SERVERS = {
  vscode: { folder: (commit: string) => `.vscode-server/bin/${commit}`, bin: "code-server" },
  cursor: {
    folder: (commit: string) => `.cursor-server/cli/servers/Stable-${commit}/server`,
    bin: "cursor-server",
  },
  windsurf: { folder: (commit: string) => `.windsurf-server/bin/${commit}`, bin: "windsurf-server" },
} as const;

const downloadUrl = (ide: keyof typeof SERVERS, version: string): string => {
  if (ide === "vscode") {
    return `https://update.code.visualstudio.com/commit:${version}/server-linux-$arch/stable`;
  }
  if (ide === "cursor") {
    return `https://cursor.blob.core.windows.net/remote-releases/${version}/vscode-reh-linux-$arch.tar.gz`;
  }
  const [release = "", commit = ""] = version.split("@");
  return `https://windsurf-stable.codeiumdata.com/linux-reh-$arch/stable/${commit}/windsurf-reh-linux-$arch-${release}.tar.gz`;
};

/** The editor's own server and its usual extensions; without a version the editor installs it on connecting. */
const installServer = (ide: keyof typeof SERVERS, version: string): string[] => {
  const { folder, bin } = SERVERS[ide];
  const commit = version.split("@").at(-1) ?? version;
  const target = `"$HOME/${folder(commit)}"`;
  return [
    `arch=$(case "$(uname -m)" in aarch64) echo arm64 ;; *) echo x64 ;; esac)`,
    `echo "Installing ${ide} server ${version}"`,
    `mkdir -p ${target} /tmp`,
    `wget -q --show-progress "${downloadUrl(ide, version)}" -O /tmp/${ide}-server.tar.gz`,
    `tar --no-same-owner -xzf /tmp/${ide}-server.tar.gz --strip-components=1 -C ${target}`,
    `rm /tmp/${ide}-server.tar.gz`,
    `${target}/bin/${bin} --install-extension ms-python.python --install-extension ms-toolsai.jupyter`,
  ];
};

/** Lets notebooks run in the job's Python. Part of what makes the image ready. */
export const INSTALL_KERNEL =
  "(uv pip install -q --no-cache-dir ipykernel 2> /dev/null || pip install -q --no-cache-dir ipykernel 2> /dev/null" +
  ' || echo "No pip: notebooks will not work")';

/** What runs before the user's own commands. */
export const beforeDevCommands = ({ ide, version }: DevEnvironmentConfiguration): string => {
  const server = ide && ide !== "zed" && version ? installServer(ide, version) : [];
  return [...server, INSTALL_KERNEL].join(" && ");
};

type Ide = NonNullable<DevEnvironmentConfiguration["ide"]>;

const LINKS: Record<Ide, { name: string; link: string }> = {
  vscode: { name: "VS Code", link: "vscode://vscode-remote/ssh-remote+" },
  cursor: { name: "Cursor", link: "cursor://vscode-remote/ssh-remote+" },
  windsurf: { name: "Windsurf", link: "windsurf://vscode-remote/ssh-remote+" },
  zed: { name: "Zed", link: "zed://ssh/" },
};

const openIn = (ide: Ide, runName: string): string[] => {
  const { name, link } = LINKS[ide];
  const folder = `\${DSTACK_WORKING_DIR:-$PWD}`;
  return [
    `echo "To open in ${name}, use link below:"`,
    "echo",
    `echo "  ${link}${runName}${folder}"`,
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
