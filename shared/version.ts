/** This release, shown by `dstack --version` and `dstack-agent version`. */
export const VERSION = "0.1.0";

/**
 * The dstack API version that the coordinator speaks and our CLI announces in `X-API-VERSION`
 * (docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1): 0.20 to 0.22 clients are accepted.
 */
export const API_VERSION = "0.22.5";
