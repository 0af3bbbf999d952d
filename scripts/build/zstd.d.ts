/** In Node since 22.15, and in Bun; not in the types that we have. */
declare module "node:zlib" {
  export const zstdCompressSync: (
    bytes: Uint8Array,
    options: { params: Record<number, number> },
  ) => Buffer<ArrayBuffer>;
  namespace constants {
    const ZSTD_c_compressionLevel: number;
    const ZSTD_c_windowLog: number;
  }
}

export {};
