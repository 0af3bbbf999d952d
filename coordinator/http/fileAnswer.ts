/**
 * A file as an answer. Of ranges only the rest of a file is given, for downloads that were cut off; the whole answers all
 * others.
 */
export const fileAnswer = (
  file: Bun.BunFile,
  { size, range, headers }: { size: number; range: string | undefined; headers: Record<string, string> },
): Response => {
  const begin = rangeBegin(range, size);
  return new Response(begin === 0 ? file : file.slice(begin), {
    status: begin === 0 ? 200 : 206,
    headers: {
      ...headers,
      "accept-ranges": "bytes",
      "content-length": String(size - begin),
      ...(begin === 0 ? {} : { "content-range": `bytes ${begin}-${size - 1}/${size}` }),
    },
  });
};

const rangeBegin = (header: string | undefined, size: number): number => {
  const begin = Number(/^bytes=(\d{1,15})-$/.exec(header ?? "")?.[1] ?? 0);
  return begin < size ? begin : 0;
};
