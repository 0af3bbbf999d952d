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

/** What keeps the dev environment alive afterwards. */
export const afterDevCommands = ({ ide }: DevEnvironmentConfiguration, runName: string): string =>
  [
    "echo",
    ...(ide ? [`echo "Open ${ide}: run dstack attach ${runName} and follow the link"`] : []),
    `echo "Connect with SSH: ssh ${runName}"`,
    "tail -f /dev/null",
  ].join(" && ");
