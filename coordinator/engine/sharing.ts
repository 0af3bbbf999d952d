import type { Viewer } from "../domain/fleets/named.ts";
import type { Db } from "../store/db.ts";
import { listSharedFleets } from "../store/exports.ts";
import type { InstanceRow } from "../store/instances.ts";
import { listAllProjects } from "../store/projects.ts";

const NOTHING: ReadonlySet<string> = new Set();

type Owned = Pick<InstanceRow, "project_id" | "fleet_id">;

/**
 * Which projects may use which fleets besides their own, in memory, so that placing a job costs no query. Read anew when
 * an export, an import or a project comes or goes.
 */
export class Sharing {
  #names: ReadonlyMap<string, string> = new Map();
  /** By the project that uses them. */
  #imported: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  /** What is shared with all projects. */
  #global: ReadonlySet<string> = new Set();

  /** Answers which projects may do without something that they could use before. */
  async load(db: Db): Promise<(projectId: string) => boolean> {
    const [projects, shared] = await Promise.all([listAllProjects(db, {}), listSharedFleets(db)]);
    const [imported, global] = [this.#imported, this.#global];
    this.#names = new Map(projects.map(({ id, name }) => [id, name.toLowerCase()]));
    this.#global = new Set(shared.filter(({ isGlobal }) => isGlobal).map(({ fleetId }) => fleetId));
    const byImporter = Map.groupBy(shared, ({ importerId }) => importerId ?? "");
    this.#imported = new Map(
      [...byImporter].map(([importer, things]) => [importer, new Set(things.map(({ fleetId }) => fleetId))]),
    );
    const isLessGlobal = !global.isSubsetOf(this.#global);
    return (projectId) =>
      isLessGlobal ||
      !(imported.get(projectId) ?? NOTHING).isSubsetOf(this.#imported.get(projectId) ?? NOTHING);
  }

  mayUse(projectId: string, { project_id: owner, fleet_id: fleetId }: Owned): boolean {
    return (
      owner === projectId || this.#global.has(fleetId) || this.#imported.get(projectId)?.has(fleetId) === true
    );
  }

  viewer(projectId: string): Viewer {
    return { projectId, nameOf: (id) => this.#names.get(id) };
  }
}
