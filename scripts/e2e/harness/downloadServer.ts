/** `bun downloadServer.ts MIB MIB_PER_S`, in a job: answers each request with so much, at that pace. */

/** Where in the job it listens. */
export const DOWNLOAD_PORT = 7_300;

/** No two that follow each other are the same: what is lost, doubled or moved shows in the hash. */
export const mebibyteAt = (at: number): Uint8Array => new Uint8Array(1 << 20).fill(at % 251);

if (import.meta.main) {
  const [mib = 0, mibPerS = 1] = Bun.argv.slice(2).map(Number);
  const body = () => {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      pull: async (out) => {
        if (at === mib) return out.close();
        await Bun.sleep(1000 / mibPerS);
        out.enqueue(mebibyteAt(at++));
      },
    });
  };
  Bun.serve({
    hostname: "127.0.0.1",
    port: DOWNLOAD_PORT,
    idleTimeout: 0,
    fetch: ({ url }) => new Response(new URL(url).pathname === "/" ? "serving" : body()),
  });
}
