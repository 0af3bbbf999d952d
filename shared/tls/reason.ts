const UNKNOWN_AUTHORITY = "its certificate is of an authority that is not known here";

/** Why a TLS connection was not made, in words for people; undefined: it was something else. `now`: our own clock. */
export const tlsReason = (code: string, now: number): string | undefined => {
  const clock = `the clock here says ${new Date(now).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return `its certificate has expired, or ${clock} and is wrong`;
    case "CERT_NOT_YET_VALID":
      return `its certificate is not valid yet: ${clock}, which is probably too early`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return UNKNOWN_AUTHORITY;
    case "CERT_SIGNATURE_FAILURE":
      return "its certificate was not signed by the authority that it names";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "its certificate is for other names than this one";
    case "EPROTO":
      return "it does not speak TLS there (is it http:// in place of https://?)";
    default:
      return undefined;
  }
};

/** Whether an authority that was named would mend it. */
export const isUnknownAuthority = (code: string): boolean => tlsReason(code, 0) === UNKNOWN_AUTHORITY;
