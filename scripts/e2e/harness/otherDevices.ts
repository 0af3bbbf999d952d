/**
 * Puts a program where /dev and /sys are those of a fake host: a mount namespace of its own, with a few real devices
 * (terminals, /dev/null) and the real cgroups. Needs root. The program keeps its process id.
 */
export const withDevicesOf = (root: string, workDir: string): string[] => [
  "unshare",
  "--mount",
  "sh",
  "-euc",
  SCRIPT,
  "sh",
  root,
  workDir,
];

const SCRIPT = `
root=$1 work=$2
shift 2
mkdir -p "$work/dev" "$work/cgroup"
mount -t tmpfs none "$work/dev"
for node in null zero full random urandom tty; do
  : >"$work/dev/$node"
  mount --bind "/dev/$node" "$work/dev/$node"
done
mkdir "$work/dev/pts"
mount --bind /dev/pts "$work/dev/pts"
ln -s pts/ptmx "$work/dev/ptmx"
ln -s /proc/self/fd "$work/dev/fd"
[ ! -d "$root/dev" ] || cp -r "$root/dev/." "$work/dev/"
mount --move "$work/dev" /dev
mount --bind /sys/fs/cgroup "$work/cgroup"
mount -t tmpfs none /sys
mkdir -p /sys/fs/cgroup
mount --move "$work/cgroup" /sys/fs/cgroup
[ ! -d "$root/sys" ] || cp -r "$root/sys/." /sys/
exec "$@"
`;
