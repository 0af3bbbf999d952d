/**
 * GET /api/agent/blobs/{sha256}: the bytes of a file archive or code diff that a submission held by this
 * instance names; anything else is `not_found`. Immutable, so a host caches it by hash and checks the hash. With
 * `Range: bytes=N-` a newer coordinator answers 206 and the bytes from N on; an older one 200 and all of them.
 */
export const blobPath = (sha256: string): string => `/blobs/${sha256}`;
