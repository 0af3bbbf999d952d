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

/**
 * libsql and node-pty compute the name of their native module at run time, which a bundler cannot follow
 * (oven-sh/bun#18909). This makes both a plain `require` of the target's file, which Bun then embeds.
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
        `function requireNative() {\n  return require(${JSON.stringify(files.libsql)});\n}\n`,
        path,
      );
      return { contents, loader: "js" };
    });

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
          : `require(${JSON.stringify(files.pty)})`;
      const contents = replaceOnce(source, /require\(PACKAGE_NAME \+ "\/" \+ file\)/, native, path);
      return { contents, loader: "js" };
    });
  },
});
