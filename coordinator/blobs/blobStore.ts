/** Bytes under their SHA-256: file archives and code diffs. What is in never changes. */
export interface BlobStore {
  has(sha256: string): Promise<boolean>;
  /**
   * Keeps the bytes; true if they were new. Refuses (`invalid`) what does not have the hash.
   * Safe to repeat and to call for the same hash at the same time.
   */
  put(sha256: string, bytes: Uint8Array | ReadableStream<Uint8Array>): Promise<boolean>;
  /** The bytes, read when they are needed; undefined if there are none under this hash. */
  find(sha256: string): Promise<Blob | undefined>;
}
