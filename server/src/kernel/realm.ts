import type { NfMatch } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import { tri, type Tri } from './decide';
import { fibOf } from './fib';

const REALM = /\brealms? \S/;

const cache = new WeakMap<Namespace, boolean>();

/** Whether a route or rule puts packets into a realm (ip-route(8), ip-rule(8)), or may where routes were not captured. */
export function mayHaveRealms(namespace: Namespace): boolean {
  let known = cache.get(namespace);
  if (known === undefined) {
    const { tables, rules } = fibOf(namespace, 4);
    known =
      tables.get('main')?.known !== 'whole' ||
      rules.some(({ rule }) => rule !== undefined && REALM.test(rule.text.value)) ||
      [...tables.values()].some(({ levels }) =>
        levels.some(({ routes }) => [...routes.values()].flat().some(({ text }) => REALM.test(text))),
      );
    cache.set(namespace, known);
  }
  return known;
}

/** The realm match: which realm a route gives is not worked out where there are any; without them it is 0, as always in IPv6. */
export function hasRealm({ realm }: Extract<NfMatch, { kind: 'realm' }>, namespace: Namespace, family: 4 | 6): Tri {
  return family === 4 && mayHaveRealms(namespace) ? 'maybe' : tri((realm.value.value & realm.value.mask) === 0);
}
