/** The doctor's route, Fathom's own addition to the API; and what it needs of the engine behind it. */

import type { Examination } from "../../spec/doctor.ts";
import type { Route } from "../route.ts";

export interface DoctorBackend {
  /** Looks for damage and what was left over; with `fix` mends what can be mended safely. */
  examine(options: { fix: boolean }): Promise<Examination>;
}

export function doctorRoutes(backend: DoctorBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/system/doctor",
      handler: async (_, respond) => respond.json(await backend.examine({ fix: false })),
    },
    {
      method: "POST",
      pattern: "/system/doctor/fix",
      handler: async (_, respond) => respond.json(await backend.examine({ fix: true })),
    },
  ];
}
