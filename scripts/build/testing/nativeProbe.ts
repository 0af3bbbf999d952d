/**
 * The smallest program that uses every native module of the real ones, with a top-level await:
 * compile.test.ts builds it and runs it where there is no node_modules. Prints one JSON object.
 */
import { createServer, type Socket } from "node:net";
import { createClient } from "@libsql/client";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import ssh2 from "ssh2";
import { newKeyPair } from "../../../shared/ssh/hostKey.ts";

const notes = sqliteTable("notes", { id: text("id").primaryKey(), body: text("body").notNull() });

const [file = "probe.db", shell = "/bin/sh"] = process.argv.slice(2);
const client = createClient({ url: `file:${file}` });
const db = drizzle(client);
await client.execute("CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
await db.insert(notes).values({ id: "1", body: "kept" });
const [row] = await db.select().from(notes).where(eq(notes.id, "1"));
client.close();

/** node-pty declares its types under its original name only, so the one function used here is named again. */
type Spawn = (file: string, args: string[], options: object) => { pid: number };
// Loading the native module is what the build must make work; how a pty is read is the agent's matter.
const startsOnPty = (): boolean => {
  try {
    // biome-ignore lint/style/noCommonJs: what cannot be loaded is an answer, and no failure to start
    const { spawn }: { spawn: Spawn } = require("node-pty");
    return spawn(shell, ["-c", "exit 0"], {}).pid > 0;
  } catch {
    return false;
  }
};
/** A client that opens a session, and a connection that breaks before anything is done in it. */
const outlivesBrokenSession = (): Promise<boolean> =>
  new Promise((resolve) => {
    const { private: key } = newKeyPair();
    const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
      client.on("error", () => {}).on("close", () => setImmediate(resolve, true));
      client.on("authentication", (asked) => asked.accept());
      client.on("session", (accept) => {
        accept();
        for (const socket of sockets) socket.destroy();
      });
    });
    const sockets: Socket[] = [];
    const listener = createServer((socket) => {
      sockets.push(socket);
      server.injectSocket(socket);
      listener.close();
    }).listen(0, "127.0.0.1", () => {
      const { port = 0 } = listener.address() as { port?: number };
      const user = new ssh2.Client().on("error", () => {});
      user
        .on("ready", () => user.exec("true", () => {}))
        .connect({ port, host: "127.0.0.1", username: "x", password: "x" });
    });
  });
const ssh = await outlivesBrokenSession();
process.stdout.write(`${JSON.stringify({ row: row?.body, pty: startsOnPty(), ssh })}\n`);
