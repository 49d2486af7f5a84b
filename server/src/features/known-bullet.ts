import { inferredFrom, type KnownName } from '../model/known-names';
import { escape } from './markdown';

/** What the name of a chain or a device tells, and who is known to give such names; undefined for a name that nobody is known for. */
export function knownBullet(known: KnownName | undefined): string | undefined {
  if (!known) return undefined;
  const words = inferredFrom(known);
  return escape(`${words.charAt(0).toUpperCase()}${words.slice(1)}`);
}
