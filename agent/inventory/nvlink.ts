/**
 * Indices of the GPUs that reach another one of this host by NVLink, from `nvidia-smi topo -m`: a matrix of words
 * like `SYS`, `PIX` and `NV18`, its header underlined by terminal codes.
 *
 *             GPU0    GPU1    CPU Affinity
 *     GPU0     X      NV18    0-51
 *     GPU1    NV18     X      0-51
 */
export const parseNvlinks = (stdout: string): Set<number> => {
  const indices = new Set<number>();
  for (const line of stdout.replaceAll(TERMINAL_CODE, "").split("\n")) {
    const [, index, words = ""] = /^GPU(\d{1,4})\s+(.*)$/.exec(line) ?? [];
    if (index !== undefined && /(^|\s)NV\d+(\s|$)/.test(words)) indices.add(Number(index));
  }
  return indices;
};

const TERMINAL_CODE = /\u001b\[[\d;]*m/g;
