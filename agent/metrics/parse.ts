/** `name value` per line, as `cpu.stat`, `memory.stat` (cgroup-v2.rst) and /proc/meminfo have it; values are whole numbers. */
export const parseKeyed = (text: string): Map<string, number> => {
  const values = new Map<string, number>();
  for (const [, name = "", value = ""] of text.matchAll(/^(\S+?):?[ \t]+(\d{1,15})(?:[ \t]|$)/gm))
    values.set(name, Number(value));
  return values;
};

/** A file that is one number; undefined: something else, `max` for one. */
export const parseNumber = (text: string | undefined): number | undefined => {
  const digits = /^\s*(\d{1,15})\s*$/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
};

export interface DiskBytes {
  read: number;
  written: number;
}

/** `8:0 rbytes=1 wbytes=2 rios=…` per device (cgroup-v2.rst, io.stat). */
export const parseIoStat = (text: string): DiskBytes => ({
  read: sum(text.matchAll(/\brbytes=(\d{1,15})\b/g)),
  written: sum(text.matchAll(/\bwbytes=(\d{1,15})\b/g)),
});

/** `8:0 Read 1` per device and kind (cgroup-v1/blkio-controller.rst, blkio.throttle.io_service_bytes). */
export const parseBlkio = (text: string): DiskBytes => ({
  read: sum(text.matchAll(/^\d+:\d+ Read (\d{1,15})$/gm)),
  written: sum(text.matchAll(/^\d+:\d+ Write (\d{1,15})$/gm)),
});

export interface NetworkBytes {
  received: number;
  sent: number;
}

/** /proc/net/dev (proc(5)): all interfaces but the loopback. */
export const parseNetDev = (text: string): NetworkBytes => {
  const lines = [...text.matchAll(/^\s*([^:\s]+):\s*(\d{1,15})((?:\s+\d+){7})\s+(\d{1,15})\b/gm)].filter(
    ([, name]) => name !== "lo",
  );
  return {
    received: lines.reduce((total, [, , bytes]) => total + Number(bytes), 0),
    sent: lines.reduce((total, [, , , , bytes]) => total + Number(bytes), 0),
  };
};

const sum = (found: Iterable<RegExpExecArray>): number => {
  let total = 0;
  for (const [, digits = "0"] of found) total += Number(digits);
  return total;
};
