/**
 * GET /api/agent/blobs/{sha256}: the bytes of a file archive or code diff that a submission held by this
 * instance names; anything else is `not_found`. Immutable, so a host caches it by hash and checks the hash.
 */
export const blobPath = (sha256: string): string => `/blobs/${sha256}`;
