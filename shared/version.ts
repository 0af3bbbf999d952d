// Put in by the build (scripts/build/compile.ts); absent where the sources themselves are run.
declare const DSTACK_BUILD_VERSION: string;
declare const DSTACK_BUILD_TARGET: string;

/** This release, shown by `dstack --version` and `dstack-agent version`. */
export const VERSION = typeof DSTACK_BUILD_VERSION === "string" ? DSTACK_BUILD_VERSION : "0.1.0";

/** The release file that this program was made as, e.g. `linux-x64-baseline`; undefined: it runs from its sources. */
export const BUILD_TARGET = typeof DSTACK_BUILD_TARGET === "string" ? DSTACK_BUILD_TARGET : undefined;

/**
 * The dstack API version that the coordinator speaks and our CLI announces in `X-API-VERSION`
 * (docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1): 0.20 to 0.22 clients are accepted.
 */
export const API_VERSION = "0.22.5";

/** In which the coordinator tells clients its release. */
export const RELEASE_HEADER = "x-dstack-release";
