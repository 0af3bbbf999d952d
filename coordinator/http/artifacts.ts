import { realpathSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { Hono } from "hono";
import script from "../../install.sh" with { type: "text" };
import { askedAt, isPlainUrl } from "./askedAt.ts";
import { fileAnswer } from "./fileAnswer.ts";

/** As it is in the repository: it does not know where the coordinator is. */
export const installScript: string = script;

/** Release files: what `bun run build` makes, by name; nothing else in the folder is served. */
const RELEASE_FILE = /^(?:dstack(?:-agent)?-[a-z0-9]+(?:-[a-z0-9]+)*(?:\.gz|\.zst)?|SHA256SUMS)$/;

export interface ArtifactOptions {
  /** The folder with the release files. */
  dir: string;
  /** Where hosts reach the coordinator, when that is configured; otherwise the address that they asked at. */
  publicUrl: string | undefined;
  /** In PEM: by which hosts know the coordinator, where they have to be told. */
  authorities?: () => readonly string[];
}

/** The release files lie beside the executable, as `bun run build` leaves them in `dist/`. */
export const defaultArtifactsDir = (executable: string): string => dirname(realpathSync(executable));

/**
 * How a host gets the agent: `GET /install.sh` with the coordinator's address in it, and `GET /artifacts/NAME`. And
 * `GET /authorities.pem`, which whoever has a fingerprint finds its certificate in.
 * Open to everyone: hosts that ask have no credential yet, and nothing here is secret.
 */
export const artifactRoutes = ({ dir, publicUrl, authorities = () => [] }: ArtifactOptions): Hono =>
  new Hono()
    .get("/authorities.pem", (c) =>
      authorities().length === 0
        ? c.text("This coordinator has a certificate of an authority that hosts know, or plain HTTP\n", 404)
        : c.body(authorities().join(""), 200, { "content-type": "application/x-pem-file" }),
    )
    .get("/install.sh", (c) => {
      const url = publicUrl ?? askedAt(c);
      // Not an address that we would put into a script: it stays without one, and asks for --url.
      const script = isPlainUrl(url)
        ? installScript.replace("@DSTACK_URL@", url.replace(/\/$/, ""))
        : installScript;
      return c.body(script, 200, {
        "content-type": "text/x-shellscript; charset=utf-8",
        "cache-control": "no-store",
      });
    })
    .get("/artifacts/:name", async (c) => {
      const name = c.req.param("name");
      if (!RELEASE_FILE.test(name)) return c.text(`There is no release file "${name}"\n`, 404);
      const file = Bun.file(join(dir, name));
      const stat = await file.stat().catch((err: NodeJS.ErrnoException) => {
        if (err.code === "ENOENT" || err.code === "ENOTDIR") return undefined;
        throw err;
      });
      if (!stat?.isFile()) return c.text(missing(name, dir), 404);
      // A release file is replaced as a whole, so size and time tell two versions apart.
      const etag = `"${stat.size.toString(16)}-${Math.trunc(stat.mtimeMs).toString(16)}"`;
      const headers = { etag, "cache-control": "no-cache" };
      if (matches(c.req.header("if-none-match"), etag)) return c.body(null, 304, headers);
      const type = name === "SHA256SUMS" ? "text/plain; charset=utf-8" : TYPES[extname(name)];
      const typed = { ...headers, "content-type": type ?? "application/octet-stream" };
      return fileAnswer(file, { size: stat.size, range: c.req.header("range"), headers: typed });
    });

const TYPES: Record<string, string> = { ".gz": "application/gzip", ".zst": "application/zstd" };

const matches = (header = "", etag: string): boolean =>
  header
    .split(",")
    .map((value) => value.trim().replace(/^W\//, ""))
    .some((value) => value === etag || value === "*");

const missing = (name: string, dir: string): string =>
  `This coordinator has no ${name}. Build it with "bun run build", and put the files of dist/ into ${dir}
(or name their folder in DSTACK_SERVER_ARTIFACTS_DIR).
`;
