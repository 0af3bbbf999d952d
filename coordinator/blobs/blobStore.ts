/** Bytes under their SHA-256: file archives and code diffs. What is in never changes. */
export interface BlobStore {
  has(sha256: string): Promise<boolean>;
  /**
   * Takes a file of the same disk for its own, whose content is known to have the hash: by moving it, or by removing it
   * where the bytes are there already. Safe to repeat and to call for the same hash at the same time.
   */
  adopt(sha256: string, path: string): Promise<void>;
  /** The bytes, read when they are needed; undefined if there are none under this hash. That is a use of them. */
  find(sha256: string): Promise<Bun.BunFile | undefined>;
  /** They are of use at this moment; false: there are none. */
  touch(sha256: string): boolean;
  /** What has been of no use since then, milliseconds since 1970. */
  listIdle(before: number): Promise<string[]>;
  isIdle(sha256: string, before: number): boolean;
  /** Removes them unless they have been of use since; nothing comes in between. */
  removeIdle(sha256: string, before: number): boolean;
}
