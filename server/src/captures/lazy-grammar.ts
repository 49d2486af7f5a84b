import type { Grammar, MatchResult, Semantics } from 'ohm-js';

/** The grammars behind those that `lazyGrammar` gave. */
const made = new WeakMap<object, () => Grammar>();

/**
 * A grammar that is made when it is first asked something, and its semantics with it: a server has fifty of them, and the first capture
 * that someone opens needs two or three. Making them all at its start takes as long as loading the rest of it.
 */
export function lazyGrammar(make: () => Grammar): Grammar {
  let own: Grammar | undefined;
  const real = () => (own ??= make());
  const createSemantics = () => lazySemantics(() => real().createSemantics());
  const match = (...args: Parameters<Grammar['match']>) => real().match(...args);
  const grammar = new Proxy({} as Grammar, {
    get(_none, key) {
      if (key === 'match') return match;
      if (key === 'createSemantics') return createSemantics;
      const value: unknown = Reflect.get(real(), key);
      return typeof value === 'function' ? (value.bind(real()) as unknown) : value;
    },
  });
  made.set(grammar, real);
  return grammar;
}

/** The grammar itself: what another one inherits from. */
export function realGrammar(grammar: Grammar): Grammar {
  return made.get(grammar)?.() ?? grammar;
}

type Added = Parameters<Semantics['addOperation']>;

function lazySemantics(make: () => Semantics): Semantics {
  let own: Semantics | undefined;
  const added: Added[] = [];
  const real = (): Semantics => {
    if (own) return own;
    own = make();
    for (const [signature, actions] of added.splice(0)) own.addOperation(signature, actions);
    return own;
  };
  const semantics = Object.assign((result: MatchResult) => real()(result), {
    addOperation(...operation: Added) {
      if (own) own.addOperation(...operation);
      else added.push(operation);
      return semantics;
    },
  }) as unknown as Semantics;
  return semantics;
}
