import type { Random } from '../random';
import type { Place, SetUp } from '../setup';
import { bridgeFamilies } from './bridges';
import type { Family } from './common';
import { conjunctionFamilies } from './conjunctions';
import { connectionFamilies } from './connections';
import { controllerFamilies } from './controllers';
import { datapathFlowFamilies } from './datapath-flows';
import { featureFamilies } from './features';
import { fragmentFamilies } from './fragments';
import { groupFamilies } from './groups';
import { learningFamilies } from './learning';
import { normalFamilies } from './normal';
import { plainFamilies } from './plain';
import { tunnelFamilies } from './tunnels';
import { watchedPortFamilies } from './watched-ports';
import { queueFamilies } from './queues';
import { samplingFamilies } from './sampling';
import { nshFamilies } from './nsh';
import { limitFamilies } from './limits';
import { malformedFamilies } from './malformed';
import { mixedFamilies } from './mixed';

/** Every family, in the order in which the harness goes round them. */
export const families: readonly Family[] = [
  ...plainFamilies,
  ...normalFamilies,
  ...bridgeFamilies,
  ...groupFamilies,
  ...learningFamilies,
  ...conjunctionFamilies,
  ...mixedFamilies,
  ...malformedFamilies,
  ...limitFamilies,
  ...nshFamilies,
  ...tunnelFamilies,
  ...samplingFamilies,
  ...queueFamilies,
  ...watchedPortFamilies,
  ...fragmentFamilies,
  ...featureFamilies,
  ...datapathFlowFamilies,
  ...controllerFamilies,
  ...connectionFamilies,
];

export function makeSetUp(family: Family, random: Random, place: Place): SetUp {
  return { family: family.name, ...family.make(random, place) };
}
