import { IDE_NAMES, type Ide } from "./ideLinks.ts";

/** Editors with a server that can be put in place before they connect; Zed brings its own (docs/spec/agent.md §5). */
type IdeWithServer = Exclude<Ide, "zed">;

/** The one release that an editor on somebody's desktop asks for. */
export interface IdeServer {
  ide: IdeWithServer;
  /** As the configuration has it: a commit, of Windsurf `<version>@<commit>`. */
  version: string;
  /** Where the editor looks for it, in the user's home. */
  folder: string;
  /** The program in its folder `bin`. */
  program: string;
}

const SERVERS: Record<IdeWithServer, { folder: (commit: string) => string; program: string }> = {
  vscode: { folder: (commit) => `.vscode-server/bin/${commit}`, program: "code-server" },
  cursor: {
    folder: (commit) => `.cursor-server/cli/servers/Stable-${commit}/server`,
    program: "cursor-server",
  },
  windsurf: { folder: (commit) => `.windsurf-server/bin/${commit}`, program: "windsurf-server" },
};

/** It stands in a path and in an address, and in the text of a shell. */
const VERSION = /^[\w.+-]{1,100}(@[0-9a-f]{1,64})?$/;

/** Undefined: the editor installs it when it connects. */
export const ideServerOf = ({ ide, version }: AskedIde): IdeServer | undefined => {
  if (ide === null || ide === "zed" || version === null || !VERSION.test(version)) return undefined;
  if (version.split("@")[0]?.startsWith(".")) return undefined;
  const { folder, program } = SERVERS[ide];
  return { ide, version, folder: folder(version.split("@").at(-1) ?? version), program };
};

interface AskedIde {
  ide: Ide | null;
  version: string | null;
}

/** Where the vendor has it; `arch` is `x64` or `arm64`, or stands for that in the text of a shell. */
export const ideServerAddress = ({ ide, version }: IdeServer, arch: string): string => {
  if (ide === "vscode")
    return `https://update.code.visualstudio.com/commit:${version}/server-linux-${arch}/stable`;
  if (ide === "cursor")
    return `https://cursor.blob.core.windows.net/remote-releases/${version}/vscode-reh-linux-${arch}.tar.gz`;
  const [release = "", commit = ""] = version.split("@");
  return `https://windsurf-stable.codeiumdata.com/linux-reh-${arch}/stable/${commit}/windsurf-reh-linux-${arch}-${release}.tar.gz`;
};

/** Two tries of a minute each where nothing answers: a host without internet must not be waited for. */
const DOWNLOAD = [
  'if command -v wget > /dev/null; then wget -q -T 60 -t 2 -O "$archive" "$url"',
  'elif command -v curl > /dev/null; then curl -fsSL --connect-timeout 60 --retry 1 -o "$archive" "$url"',
  'else echo "The image has neither wget nor curl"; false; fi',
].join("; ");

/**
 * Shell text that puts the server where its editor looks for it, unless it is there, and its usual extensions into it.
 * It never fails: what cannot be had here the editor installs itself. The folder has its name only once it is whole.
 */
export const installIdeServer = (server: IdeServer): string => {
  const { ide, version, folder, program } = server;
  const name = IDE_NAMES[ide];
  const missing = `The ${name} server could not be installed here: ${name} does it when it connects.`;
  const steps = [
    `server="$HOME/${folder}"`,
    `archive="$server.tar.gz"`,
    `extend() { "$server/bin/${program}" --install-extension ms-python.python --install-extension ms-toolsai.jupyter; }`,
    // Put in place, it is mostly on a host without internet: nobody waits for what cannot come.
    `if [ -x "$server/bin/${program}" ]; then echo "${name} server ${version} is there"`,
    `extend > /dev/null 2>&1 < /dev/null &`,
    `else echo "Installing ${name} server ${version}"`,
    `arch=$(case "$(uname -m)" in aarch64 | arm64) echo arm64 ;; *) echo x64 ;; esac)`,
    `url="${ideServerAddress(server, "$arch")}"`,
    `{ mkdir -p "$server.part" && { ${DOWNLOAD}; } &&` +
      ` tar --no-same-owner -xzf "$archive" --strip-components=1 -C "$server.part" && mv "$server.part" "$server"; }` +
      ` || echo "${missing} Without internet: docs/dev-environments.md"`,
    `rm -rf "$archive" "$server.part"`,
    `if [ -x "$server/bin/${program}" ]; then extend` +
      ` || echo "Some extensions could not be installed: do it in ${name}"; fi; fi`,
    "true",
  ];
  return `( ${steps.join("; ").replaceAll("&; ", "& ")} )`;
};
