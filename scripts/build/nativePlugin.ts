import { resolve } from "node:path";
import type { BunPlugin } from "bun";
import type { PlatformFiles } from "./platformPackages.ts";

/**
 * Replaces `what` in a dependency's source; exactly one place may match. A dependency that changed so that
 * the pattern fits nowhere, or twice, must fail the build and not the binary on somebody's host.
 */
export const replaceOnce = (source: string, what: RegExp, by: string, file: string): string => {
  const found = source.match(new RegExp(what.source, `${what.flags}g`))?.length ?? 0;
  if (found !== 1)
    throw new Error(`Cannot embed the native module: ${what} matches ${found} times in "${file}"`);
  return source.replace(what, () => by);
};

const EMBEDDED = resolve(import.meta.dir, "../../shared/native/embedded.ts");

/** Loads a native module from inside the program (shared/native/embedded.ts). */
const loading = (name: string, file: string): string =>
  `require(${JSON.stringify(EMBEDDED)}).loadEmbedded({ name: "${name}", file: require(${JSON.stringify(file)}) })`;

const anyOf = (paths: readonly string[]): RegExp => new RegExp(`^(?:${paths.map(RegExp.escape).join("|")})$`);

/**
 * libsql and node-pty compute the name of their native module at run time, which a bundler cannot follow
 * (oven-sh/bun#18909). This embeds the target's file, packed, and has it loaded from there.
 */
export const nativePlugin = (files: PlatformFiles): BunPlugin => ({
  name: "native-modules",
  setup(build) {
    build.onLoad({ filter: /\/node_modules\/libsql\/index\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const body = /function requireNative\(\) \{[\s\S]*?\n\}\n/;
      const contents = replaceOnce(
        // The loaders below are only used inside that function; left in, they would be bundled for nothing.
        source.replace(/^const .*require\("(?:@neon-rs\/load|detect-libc)"\);\n/gm, ""),
        body,
        `function requireNative() {\n  return ${loading("libSQL", files.libsql)};\n}\n`,
        path,
      );
      return { contents, loader: "js" };
    });

    const modules = [files.libsql, ...(files.pty === null ? [] : [files.pty])];
    build.onLoad({ filter: anyOf(modules) }, async ({ path }) => ({
      contents: Bun.zstdCompressSync(await Bun.file(path).bytes(), { level: 9 }),
      loader: "file",
    }));

    // ssh2 does without. Made for the machine that builds, where it was made at all, it must not come along.
    build.onResolve({ filter: /^cpu-features$/ }, ({ path }) => ({ path, external: true }));

    // It knows a session by the name of its class, which a minifier takes away: a client that goes between opening one and
    // using it would end the agent.
    build.onLoad({ filter: /\/node_modules\/ssh2\/lib\/utils\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = replaceOnce(
        source,
        /channel\.constructor\.name === 'Session'/,
        "channel._chanInfo",
        path,
      );
      return { contents, loader: "js" };
    });

    build.onLoad({ filter: /\/node_modules\/node-pty\/requireBinary\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const native =
        files.pty === null
          ? `(() => { throw new Error("node-pty has no native module for this platform"); })()`
          : loading("node-pty", files.pty);
      const contents = replaceOnce(source, /require\(PACKAGE_NAME \+ "\/" \+ file\)/, native, path);
      return { contents, loader: "js" };
    });
  },
});
