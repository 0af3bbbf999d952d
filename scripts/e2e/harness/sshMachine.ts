import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Finished, type Program, run, runOk, startProgram } from "./program.ts";
import { cleanEnvironment } from "./programs.ts";
import type { Host, Switch } from "./switch.ts";

/** Who can log in there, and what sudo lets them do. */
interface MachineUser {
  name: string;
  /** Absent: none at all. */
  sudo?: "free" | "password";
  password?: string;
}

export interface MachineOptions {
  dir: string;
  /** The public half of the key that opens it. */
  key: string;
  /** Besides root. */
  users?: readonly MachineUser[];
  /** Programs that it has not, by their paths: they are beside them, as PATH.away. */
  without?: readonly string[];
  /** Lines of its sshd_config. */
  sshd?: readonly string[];
  /** What serves files there, in the place of sshd's own. */
  sftp?: string;
  /** What else is done there before sshd starts, as root: lines of shell, where $own is a folder of the machine's. */
  prepare?: string;
}

/** A host with a network, processes and system folders of its own, and Debian's sshd. */
export interface Machine extends AsyncDisposable {
  host: Host;
  program: Program;
  /** Runs there, as root, beside the processes of the machine. */
  run(command: readonly string[]): Promise<Finished>;
  /** Ends all connections, and has another host key from then on. */
  changeHostKey(): Promise<void>;
  /** What sshd has said, of logins above all. */
  log(): string;
}

/** Folders in which installers and users leave something: they are this machine's, and what is written vanishes. */
const OWN = ["/etc", "/home", "/opt", "/usr/bin", "/usr/local", "/var"];

/**
 * $1: a folder of its own; $2: the file of the key; $3: what it has not; $4: what is done there before it is up; the
 * others: users, as NAME:SUDO:PASSWORD. It becomes the first process there.
 */
const START = `
set -eu
own=$1 key=$2 without=$3 prepare=$4
shift 4
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p "$own/tree"
mount -t tmpfs tmpfs "$own/tree"
for folder in ${OWN.join(" ")}; do
  mkdir -p "$own/tree$folder/upper" "$own/tree$folder/work"
  mount -t overlay overlay -o "lowerdir=$folder,upperdir=$own/tree$folder/upper,workdir=$own/tree$folder/work" "$folder"
done
mount -t tmpfs tmpfs /run
# Empty: a shell that is logged in to reads what whoever runs the tests has there.
mount -t tmpfs tmpfs /root
mkdir -p /run/sshd
for program in $without; do mv "$program" "$program.away"; done
let_in() { mkdir -p "$1/.ssh"; cat "$key" >"$1/.ssh/authorized_keys"; chmod -R go= "$1/.ssh"; }
let_in /root
for user in "$@"; do
  IFS=: read -r name sudo password <<END
$user
END
  useradd -m -s /bin/bash "$name"
  if [ -n "$password" ]; then printf '%s:%s\\n' "$name" "$password" | chpasswd; else usermod -p '*' "$name"; fi
  let_in "/home/$name"
  chown -R "$name:" "/home/$name/.ssh"
  case $sudo in
    free) printf '%s ALL=(ALL) NOPASSWD: ALL\\n' "$name" >"/etc/sudoers.d/$name" ;;
    password) printf '%s ALL=(ALL) ALL\\n' "$name" >"/etc/sudoers.d/$name" ;;
  esac
done
eval "$prepare"
/usr/sbin/sshd -D -e -f "$own/sshd_config" &
while :; do wait || :; sleep 1; done
`;

export const startMachine = async (
  network: Pick<Switch, "addHost">,
  name: string,
  { dir, key, users = [], without = [], sshd = [], sftp = "internal-sftp", prepare = "" }: MachineOptions,
): Promise<Machine> => {
  const own = join(dir, name);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "key.pub"), key);
  const newHostKey = () =>
    runOk(["sh", "-c", 'rm -f "$0"* && ssh-keygen -q -t ed25519 -N "" -f "$0"', join(own, "host_key")]);
  await newHostKey();
  const config = [
    ...["Port 22", `HostKey ${join(own, "host_key")}`, `PidFile ${join(own, "sshd.pid")}`],
    ...["UsePAM no", "PermitRootLogin prohibit-password", "PasswordAuthentication no"],
    ...["AuthorizedKeysFile %h/.ssh/authorized_keys", "StrictModes no", "LogLevel VERBOSE"],
    ...[`Subsystem sftp ${sftp}`, ...sshd],
  ];
  writeFileSync(join(own, "sshd_config"), `${config.join("\n")}\n`);
  const host = await network.addHost(name);
  const said = users.map((user) => `${user.name}:${user.sudo ?? ""}:${user.password ?? ""}`);
  const program = startProgram({
    name: `machine ${name}`,
    command: [
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", START, "machine"],
      ...[own, join(own, "key.pub"), without.join(" "), prepare, ...said],
    ],
    logFile: join(own, "log"),
    env: cleanEnvironment("/root"),
    cwd: "/",
    place: host,
  });
  await program.waitForOutput(/Server listening on/).catch(async (err: unknown) => {
    // Its shell waits for ever, also where what it was to prepare or sshd has failed.
    await program.kill9();
    throw err;
  });
  const inside = async (command: readonly string[]) => {
    const child = (await runOk(["cat", `/proc/${program.pid}/task/${program.pid}/children`])).trim();
    return run(["nsenter", "-t", child, "--mount", "--pid", "--net", "--", ...command], {
      env: cleanEnvironment("/root"),
      timeoutMs: 180_000,
    });
  };
  return {
    host,
    program,
    run: inside,
    changeHostKey: async () => {
      await newHostKey();
      await inside(["sh", "-c", 'kill -HUP "$(cat "$0")"', join(own, "sshd.pid")]);
      await program.waitForOutput(/Received SIGHUP; restarting[\s\S]*Server listening on/);
    },
    log: () => program.output(),
    [Symbol.asyncDispose]: () => program.kill9(),
  };
};

/** A key as a person has one: `path`, and the public half as a line. */
export const makeKey = async (path: string): Promise<{ path: string; line: string }> => {
  await runOk(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f", path]);
  return { path, line: await Bun.file(`${path}.pub`).text() };
};
