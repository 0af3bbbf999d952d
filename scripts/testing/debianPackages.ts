/** What the whole-system tests use, and the Debian package that has it. */
const PROGRAMS: Record<string, string> = {
  ip: "iproute2",
  nsenter: "util-linux",
  iptables: "iptables",
  dockerd: "docker.io",
  podman: "podman",
  busybox: "busybox-static",
  "docker-registry": "docker-registry",
  curl: "curl",
  shellcheck: "shellcheck",
  faketime: "faketime",
  pebble: "pebble",
  nginx: "nginx-light",
  caddy: "caddy",
  sftp: "openssh-client",
  rsync: "rsync",
  sshd: "openssh-server",
  sudo: "sudo",
  tmux: "tmux",
  tcpdump: "tcpdump",
  zstd: "zstd",
  "/lib/ld-musl-x86_64.so.1": "musl",
  chromium: "chromium",
};

/** Installs what the whole-system tests miss; those whose programs stay missing are skipped, each with its reason. */
export const installMissing = async (say: (line: string) => void): Promise<void> => {
  const missing = Object.entries(PROGRAMS).filter(([program]) => Bun.which(program) === null);
  if (missing.length > 0)
    await installPackages(
      missing.map(([, name]) => name),
      say,
    );
};

/** Where that is possible: as root, on a Debian. Elsewhere, and where it fails, it says so. */
export const installPackages = async (
  packages: readonly string[],
  say: (line: string) => void,
): Promise<void> => {
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) {
    say(`Not installed, and only root on a Debian could: ${packages.join(", ")}`);
    return;
  }
  say(`Installing Debian packages: ${packages.join(", ")}`);
  const quiet = "-qq -o Dpkg::Use-Pty=0";
  const command = [
    // Services must not start by themselves: we run our own.
    "export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1",
    `apt-get update ${quiet} && apt-get install -y --no-install-recommends ${quiet} "$@"`,
  ].join("\n");
  const install = Bun.spawn(["sh", "-c", command, "sh", ...packages], { stdout: "ignore", stderr: "pipe" });
  const [talk, code] = await Promise.all([new Response(install.stderr).text(), install.exited]);
  if (code !== 0) say(`apt-get failed:\n${talk.trim()}`);
};
