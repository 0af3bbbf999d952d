import { FFIType, ptr } from "bun:ffi";
import { openLibc } from "../../shared/native/libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** sun_path of sockaddr_un, unix(7). */
const MAX_PATH_BYTES = 108;

/** What tells the service manager how it goes; sd_notify(3). */
export interface ServiceManager extends Disposable {
  /** Up: its jobs are taken up again. Also tells the watchdog that it is alive, from then on and often enough. */
  ready(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Does nothing where no service manager listens (NOTIFY_SOCKET), nor where the C library cannot be loaded. */
export const openServiceManager = (env: Env): ServiceManager => {
  const send = openSocket(env["NOTIFY_SOCKET"]);
  const beatMs = send ? watchdogMs(env) : undefined;
  let beat: Timer | undefined;
  const end = () => clearInterval(beat);
  return {
    ready: () => {
      send?.("READY=1");
      if (beatMs !== undefined) beat ??= setInterval(() => send?.("WATCHDOG=1"), beatMs);
    },
    status: (text) => send?.(`STATUS=${text.replaceAll("\n", " ")}`),
    stopping: () => send?.("STOPPING=1"),
    [Symbol.dispose]: end,
  };
};

/** Two beats in the time after which the service manager would take this process for dead. */
const watchdogMs = (env: Env): number | undefined => {
  const micros = Number(env["WATCHDOG_USEC"]);
  const pid = env["WATCHDOG_PID"];
  const isMeant = pid === undefined || Number(pid) === process.pid;
  return isMeant && micros > 0 ? Math.max(1, Math.floor(micros / 2000)) : undefined;
};

/** Datagrams over unix sockets are not in node:dgram. */
const openSocket = (path: string | undefined): ((text: string) => void) | undefined => {
  if (!path || (path[0] !== "/" && path[0] !== "@") || Buffer.byteLength(path) > MAX_PATH_BYTES)
    return undefined;
  const libc = openLibc({
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
  });
  const fd = libc?.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) ?? -1;
  if (!libc || fd < 0) return undefined;
  const address = Buffer.alloc(2 + Buffer.byteLength(path));
  address.writeUInt16LE(AF_UNIX, 0);
  // An abstract socket: its name begins with a zero byte.
  address.write(path[0] === "@" ? `\0${path.slice(1)}` : path, 2);
  return (text) => {
    const bytes = Buffer.from(text);
    // A manager that does not listen right now must not hold up the agent.
    libc.sendto(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(address), address.length);
  };
};
