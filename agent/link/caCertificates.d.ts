/** In Node since 22.15, and in Bun; not in the types that we have. */
declare module "node:tls" {
  export const getCACertificates: (type: "default") => string[];
}

export {};
